/** Put in by build.js from package.json. */
declare const GAUGEWAY_AGENT_VERSION: string | undefined;

export const agentVersion =
  typeof GAUGEWAY_AGENT_VERSION === 'string' ? GAUGEWAY_AGENT_VERSION : '0.0.0-source';
