/** The director of a simulation: an engine on a modelled host, with the real ipvsadm in front of it. */
import { EngineDirector } from '../control/engine-director.js';
import type { Director } from '../datapath/scenario/player.js';
import type { SimHost } from '../datapath/scenario/sim-host.js';
import { Net } from '../engine/net.js';
import { randomNumbers } from '../engine/random-numbers.js';
import { captureIpvsadm } from './ipvsadm/captured-run.js';
import type { NameResolver } from './ipvsadm/names.js';
import { systemNames } from './ipvsadm/system-names.js';
import { withLongLines } from './long-lines.js';

const LOCALHOST = { name: 'localhost', address: '127.0.0.1' };

/** Names of ports come from this machine's table; a simulation has one host with a name. */
const NAMES: NameResolver = {
  ...systemNames(),
  host: async (address) => (address === LOCALHOST.address ? LOCALHOST.name : undefined),
  addressByName: async (name) => (name === LOCALHOST.name ? LOCALHOST.address : undefined),
};

/** More than a scenario has packets, and small enough that many can be played one after the other. */
const CONN_LIMIT = 1 << 14;

/** An engine for `host`. @param seed of all its random numbers: two runs with the same one end the same. */
export function simulatedDirector(host: SimHost, seed: number): Director {
  const net = new Net({ host, random: randomNumbers(seed), connLimit: CONN_LIMIT });
  const director = new EngineDirector(net);
  return {
    net,
    tools: {
      ipvsadm: async (args, stdin) =>
        withLongLines(await captureIpvsadm(director, NAMES, args, stdin), () => net.ipvs.proc('ip_vs_conn')),
      setSysctl: (name, value) => net.ipvs.sysctls.set(name, value),
      getSysctl: (name) => net.ipvs.sysctls.get(name),
      proc: (name) => net.ipvs.proc(name),
    },
  };
}
