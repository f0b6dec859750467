/** What `npm run demo` was asked. */
import { parseArgs } from 'node:util';

/** Options of the demonstration. */
export interface DemoOptions {
  readonly keep: boolean;
  readonly help: boolean;
}

export const HELP = `npm run demo [-- --keep]

Makes network namespaces with a client, a router, a director and three real servers, starts ipvsd in the director's namespace, loads
rules with ipvsadm, and sends HTTP and UDP requests through NAT, direct routing and tunnels, over IPv4 and IPv6. Shows who served what, the
connections and the counters, and removes everything it made. It needs root, for the namespaces; nothing outside of them is touched.

  --keep   leaves everything up, and prints how to look at it and how to remove it
  --help   shows this
`;

/** Reads the command line. @throws TypeError for an option that does not exist. */
export function readOptions(args: string[]): DemoOptions {
  const { values } = parseArgs({
    args,
    options: {
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return { keep: values.keep, help: values.help };
}
