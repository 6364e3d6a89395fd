import {
  decideNotice,
  transition,
  type AlertElement,
  type AlertInstance,
  type Episode,
  type Instances,
  type Labels,
  type NotificationKind,
} from '../alerts/index.ts';
import { GaugewayError } from '../platform/index.ts';
import { toElements } from '../ruler/index.ts';
import type { AlertingRule, SampleRow } from '../rules/index.ts';
import type { Ask, Grid, SeriesRow } from './ask.ts';

/** One stay of one alert: from the first evaluation with it until it was gone. Times are milliseconds. */
export interface PreviewEpisode {
  labels: Labels;
  pendingAtMs: number;
  /** Absent of one that was gone before it fired. */
  firedAtMs?: number;
  /** Absent of one that still holds at the end of the range. */
  endedAtMs?: number;
  /** The last one with which it was there. */
  value: number;
  notifications: { atMs: number; kind: NotificationKind }[];
}

export interface Preview {
  grid: Grid;
  evaluations: number;
  /** Evaluations whose rows could not be told apart, or were too many: nothing happens in them. */
  failures: { count: number; message?: string };
  /** Newest last; the first of them where there are more than can be told. */
  episodes: readonly PreviewEpisode[];
  episodeCount: number;
  firedCount: number;
  notifications: Readonly<Record<NotificationKind, number>>;
  pendingMs: number;
  firingMs: number;
  /** By notifications, then by time firing. */
  noisiest: readonly { host: string; fired: number; notifications: number; firingMs: number }[];
}

export interface PreviewDeps {
  ask: Ask;
  externalLabels: ReadonlyMap<string, string>;
  externalUrl: string;
}

/** Evaluations of one preview: a week at two minutes. */
const mostEvaluations = 5_040;
/** Rows of all evaluations together: some seconds of one core at the most. */
const mostRows = 500_000;
const mostEpisodes = 500;
const mostHosts = 20;
/** Rows between two turns of the event loop. */
const rowsPerTurn = 2_000;
/** Questions that templates may ask in a whole preview. */
const mostTemplateQuestions = 100;

/**
 * A rule over stored history, through the same states and the same notices as in earnest. It begins with nothing
 * pending; missing hosts count as clean. Throws BAD_REQUEST where that would cost too much, or storage refuses.
 */
export async function previewRule(
  tenantId: string,
  rule: AlertingRule,
  grid: Grid,
  deps: PreviewDeps,
): Promise<Preview> {
  const evaluations = Math.floor((grid.endMs - grid.startMs) / grid.stepMs) + 1;
  if (evaluations > mostEvaluations) {
    throw tooMuch(`${evaluations} evaluations, more than ${mostEvaluations}`);
  }
  const answer = await deps.ask.over(tenantId, rule.expression, grid);
  if (!answer.ok) {
    const code = answer.isRefused ? 'BAD_REQUEST' : 'UNAVAILABLE';
    throw new GaugewayError(code, `the rule has no answer: ${answer.message}`);
  }
  const rows = answer.rows.reduce((sum, { points }) => sum + points.length, 0);
  if (rows > mostRows) throw tooMuch(`${rows} rows, more than ${mostRows}`);
  const run = new Run(rule, grid);
  const elementsAt = createElements(tenantId, rule, deps);
  let sinceTurn = 0;
  for (const [atMs, found] of slots(answer.rows, grid)) {
    run.evaluate(atMs, await elementsAt(found, atMs));
    sinceTurn += found.length + 1;
    if (sinceTurn < rowsPerTurn) continue;
    sinceTurn = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return run.result(evaluations);
}

const tooMuch = (what: string): GaugewayError =>
  new GaugewayError('BAD_REQUEST', `${what}: choose a shorter range or a longer step`);

/** The rows of each evaluation. */
function* slots(
  series: readonly SeriesRow[],
  { startMs, endMs, stepMs }: Grid,
): Generator<[number, SampleRow[]]> {
  const next = series.map(() => 0);
  for (let atMs = startMs; atMs <= endMs; atMs += stepMs) {
    const rows: SampleRow[] = [];
    for (const [i, { labels, points }] of series.entries()) {
      const point = points[next[i]!];
      if (point === undefined || point.atMs > atMs) continue;
      next[i]! += 1;
      if (point.atMs === atMs) rows.push({ labels, value: point.value });
    }
    yield [atMs, rows];
  }
}

/** Annotations decide nothing and are left out. */
function createElements(tenantId: string, rule: AlertingRule, deps: PreviewDeps) {
  const plain = { ...rule, annotations: new Map() };
  let questions = 0;
  return (rows: readonly SampleRow[], atMs: number): Promise<AlertElement[]> =>
    toElements(plain, rows, atMs, {
      ...{ externalLabels: deps.externalLabels, externalUrl: deps.externalUrl },
      query: async (expression) => {
        questions += 1;
        if (questions > mostTemplateQuestions) return new Error('not asked in a preview');
        const answer = await deps.ask.at(tenantId, expression, atMs);
        return answer.ok ? answer.rows : new Error(answer.message);
      },
    });
}

class Run {
  private readonly rule: AlertingRule;
  private readonly grid: Grid;
  private instances: Instances = new Map();
  private readonly told = new Map<string, Episode>();
  private readonly open = new Map<string, PreviewEpisode>();
  private readonly episodes: PreviewEpisode[] = [];
  private readonly failures: { count: number; message?: string } = { count: 0 };

  constructor(rule: AlertingRule, grid: Grid) {
    this.rule = rule;
    this.grid = grid;
  }

  evaluate(atMs: number, elements: readonly AlertElement[]): void {
    const step = transition(this.instances, { kind: 'answer', atMs, elements }, this.rule);
    if (step.failure) {
      this.failures.count += 1;
      this.failures.message ??= step.failure.message;
    }
    this.instances = step.instances;
    for (const instance of step.instances.values()) this.follow(instance);
    for (const key of this.open.keys()) {
      if (!step.instances.has(key)) this.close(key, atMs);
    }
    if (step.failure) return;
    const keys = new Set([...this.told.keys(), ...step.instances.keys()]);
    for (const key of keys) this.tell(key, atMs);
  }

  private follow(instance: AlertInstance): void {
    const { key, state, labels, value, activeAtMs, firedAtMs, resolvedAtMs } = instance;
    const known = this.open.get(key);
    if (state === 'resolved') {
      if (known && resolvedAtMs !== undefined) this.close(key, resolvedAtMs);
      return;
    }
    const episode = known ?? { labels, pendingAtMs: activeAtMs, value, notifications: [] };
    episode.value = value;
    if (firedAtMs !== undefined) episode.firedAtMs ??= firedAtMs;
    if (known) return;
    this.open.set(key, episode);
    this.episodes.push(episode);
  }

  private close(key: string, atMs: number): void {
    const episode = this.open.get(key);
    if (episode) episode.endedAtMs = atMs;
    this.open.delete(key);
  }

  private tell(key: string, atMs: number): void {
    const isFiring = this.instances.get(key)?.state === 'firing';
    const { cooldownMs } = this.rule;
    const terms = { cooldownMs, repeatMs: 0, isSilenced: false };
    const { episode, decision } = decideNotice(this.told.get(key), isFiring, atMs, terms);
    if (episode) this.told.set(key, episode);
    else this.told.delete(key);
    if (decision.send === 'nothing') return;
    const ofKey = this.open.get(key) ?? this.lastOf(key);
    ofKey?.notifications.push({ atMs, kind: decision.send });
  }

  private lastOf(key: string): PreviewEpisode | undefined {
    const labels = this.instances.get(key)?.labels;
    return this.episodes.findLast((episode) => episode.labels === labels);
  }

  result(evaluations: number): Preview {
    const notifications = { firing: 0, refired: 0, repeat: 0, resolved: 0 };
    for (const episode of this.episodes) {
      for (const { kind } of episode.notifications) notifications[kind] += 1;
    }
    const fired = this.episodes.filter(({ firedAtMs }) => firedAtMs !== undefined);
    const end = ({ endedAtMs }: PreviewEpisode) => endedAtMs ?? this.grid.endMs;
    const firingMs = (episode: PreviewEpisode) =>
      episode.firedAtMs === undefined ? 0 : end(episode) - episode.firedAtMs;
    const sum = (of: (episode: PreviewEpisode) => number) =>
      this.episodes.reduce((total, episode) => total + of(episode), 0);
    return {
      ...{ grid: this.grid, evaluations, failures: this.failures, notifications },
      ...{ episodes: this.episodes.slice(0, mostEpisodes), episodeCount: this.episodes.length },
      firedCount: fired.length,
      pendingMs: sum((episode) => (episode.firedAtMs ?? end(episode)) - episode.pendingAtMs),
      firingMs: sum(firingMs),
      noisiest: noisiestOf(fired, firingMs),
    };
  }
}

function noisiestOf(
  fired: readonly PreviewEpisode[],
  firingMsOf: (episode: PreviewEpisode) => number,
): Preview['noisiest'] {
  const hosts = new Map<string, Preview['noisiest'][number]>();
  for (const episode of fired) {
    const host = episode.labels.get('host_id') ?? episode.labels.get('instance') ?? '';
    const known = hosts.get(host) ?? { host, fired: 0, notifications: 0, firingMs: 0 };
    hosts.set(host, {
      host,
      fired: known.fired + 1,
      notifications: known.notifications + episode.notifications.length,
      firingMs: known.firingMs + firingMsOf(episode),
    });
  }
  return [...hosts.values()]
    .sort((a, b) => b.notifications - a.notifications || b.firingMs - a.firingMs)
    .slice(0, mostHosts);
}
