/** A decapsulator of all kinds of tunnels in a process of its own: `node decap-child.js NETNS`. Ends at SIGTERM. */
import { runDecap } from '../../src/datapath/decap/run.js';

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
await runDecap(
  { netns: process.argv[2]!, tunnels: ['ipip', 'gre', 'gue'], onReady: () => console.log('ready') },
  stop.signal,
);
