import { IncomingMessage } from 'node:http';

/**
 * Once anybody upgrades connections, Node hands over every request that wishes for another protocol, and some clients
 * wish so on each of theirs (h2c). Only those below `path` get what they wish for; the others are answered as if they
 * had not wished, as RFC 9110 §7.8 lets a server do.
 */
export function upgradedOnlyBelow(path: string | undefined): typeof IncomingMessage {
  return class extends IncomingMessage {
    declare private wishes: boolean | null;

    get upgrade(): boolean {
      if (this.wishes !== true) return false;
      // A tunnel is no wish: nothing but cutting it off is right.
      return this.method === 'CONNECT' || (path !== undefined && isBelow(path, this.url ?? ''));
    }

    // The parser of Node sets it, and reads it when all headers are known.
    set upgrade(wishes: boolean | null) {
      this.wishes = wishes;
    }
  };
}

const isBelow = (path: string, url: string): boolean =>
  url.startsWith(path) && ['', '/', '?'].includes(url.charAt(path.length));
