/** A channel for people who may not set it: the path of a webhook's URL is its password at Slack and Teams. */
export function maskedChannel(channel: string): string {
  return channel.replace(
    /^((?:webhook|alertmanager):https?:\/\/)(?:[^@/]*@)?([^/]+).*$/s,
    '$1$2/…',
  );
}
