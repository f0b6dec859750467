/** A data path in a process of its own, for tests that kill it: `node tun-child.js NETNS STATE_DIRECTORY`. */
import { startTunDatapath } from '../../src/daemon/tun-datapath.js';

const quiet = (): void => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
await startTunDatapath({ netns: process.argv[2]!, stateDirectory: process.argv[3]!, log });
console.log('ready');
