import { launch, type Program, type Stage } from '../../support/stage.ts';
import type { TlsSink } from './sink.ts';

/** The flags of the unit. */
export const agentFlags = ['--jitless', '--max-semi-space-size=1', '--no-node-snapshot'];

/** The bundle as the unit runs it, sending to the sink under its own path. */
export function startAgent(
  stage: Stage,
  sink: TlsSink,
  name: string,
  env: Record<string, string> = {},
): Promise<Program> {
  return launch(
    stage,
    undefined,
    process.execPath,
    [...agentFlags, 'dist/gaugeway-agent.js', 'run'],
    {
      GAUGEWAY_AGENT_URL: `${sink.url}/${name}`,
      GAUGEWAY_AGENT_CA_FILE: sink.caFile,
      GAUGEWAY_AGENT_KEY: 'bench',
      GAUGEWAY_AGENT_HOST_ID: name,
      GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
      NODE_OPTIONS: '',
      ...env,
    },
  );
}

export const pause = (seconds: number) =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
