import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Accountant } from '../support/accountant.ts';
import { database, send } from '../support/alerts.ts';
import { Stage, startProduct, until } from '../support/stage.ts';
import { clusterEnvironment, startStandInCluster } from '../support/vm-cluster.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

async function setOut(env: Record<string, string> = {}) {
  const cluster = await startStandInCluster(stage, 2);
  const product = await startProduct(stage, { url: '', env: clusterEnvironment(cluster) }, env);
  const rows = await database(stage, product);
  const accountOf = async (tenantId: string): Promise<number> => {
    const found = await rows(`SELECT account_id FROM storage_accounts WHERE tenant_id = $1`, [
      tenantId,
    ]);
    return Number(found[0]?.['account_id'] ?? NaN);
  };
  return { cluster, product, rows, accountOf };
}

type Setting = Awaited<ReturnType<typeof setOut>>;

interface Answer {
  data: { result: { value: [number, string] }[] };
  warnings?: string[];
}

async function query({ product }: Setting, expression: string): Promise<Answer> {
  const answer = await fetch(
    `${product.url}/api/v1/query?query=${encodeURIComponent(expression)}`,
    { headers: { authorization: `Bearer ${product.readKey}` } },
  );
  return (await answer.json()) as Answer;
}

/** The node that has the samples of the first tenant, once it has some. */
async function nodeOfDefault({ cluster, accountOf }: Setting) {
  await until('the tenant has an account', async () => (await accountOf('default')) > 0);
  return cluster.nodeOf(await accountOf('default'));
}

describe('with the stand-in for a cluster', () => {
  it('every tenant is written and read in an account of its own', async () => {
    const here = await setOut();
    await send(here.product, [{ labels: { __name__: 'up', host_id: 'web-1' }, value: 3 }]);
    await until('it can be read', async () => {
      const { data } = await query(here, 'up');
      return data.result[0]?.value[1] === '3';
    });
    const account = await here.accountOf('default');
    expect(account).toBeGreaterThan(0);
    const verbs = here.cluster.asked.filter((one) => one.includes('/prometheus/'));
    expect(verbs.length).toBeGreaterThan(1);
    const elsewhere = verbs.filter((one) => !one.includes(`/${String(account)}/prometheus/`));
    expect(elsewhere).toEqual([]);
    here.cluster.partial = true;
    expect((await query(here, 'up + 0')).warnings).toEqual([
      'storage answered with a part of the data only',
    ]);
  }, 120_000);

  it('nothing acknowledged is lost when a vmstorage is killed and vminsert goes away', async () => {
    const here = await setOut();
    const accountant = new Accountant();
    const { url, writeKey } = here.product;
    accountant.start(url, writeKey, { connections: 4, pauseMs: 5 });
    const more = async (count: number): Promise<void> => {
      const goal = accountant.acknowledged.size + count;
      await until(`${String(count)} more are acknowledged`, () =>
        Promise.resolve(accountant.acknowledged.size >= goal),
      );
    };
    await more(300);
    const node = await nodeOfDefault(here);
    await node.kill();
    await more(200);
    await node.restart();
    await more(200);
    here.cluster.insertIsDown = true;
    await more(200);
    here.cluster.insertIsDown = false;
    await more(100);
    await accountant.stop();
    let audit = await accountant.audit({ baseUrl: node.url });
    await until('nothing acknowledged is missing', async () => {
      audit = await accountant.audit({ baseUrl: node.url });
      return audit.lost === 0;
    }).catch(() => undefined);
    expect(audit).toMatchObject({ lost: 0, doubled: 0 });
    expect([...accountant.statuses.keys()]).toEqual([204]);
  }, 180_000);
});
