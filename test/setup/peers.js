import { ensureNewerPeers, ensurePeers } from '../../bin/peers.js';

/** Before the first test of a project: the real programs that it talks to are on the PATH, or it fails here. */
export default function setup() {
  ensurePeers();
  ensureNewerPeers();
}
