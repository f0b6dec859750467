/** snat_reroute: an answer is routed once more, by the virtual address that it then comes from. */
import { ascii } from '../../support/bytes.js';
import { ACK, FIN, icmpError, SYN } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { type Ip, service, vip } from './place.js';
import { Story } from './story.js';

/** Where the virtual address's answers go, one after the other. */
const WAYS: Record<Ip, readonly string[]> = {
  4: [
    'unreachable default',
    'prohibit default',
    'blackhole default',
    'default via 10.2.0.254 dev s0',
    'default via 10.1.0.50 dev c0 mtu 1300',
    'throw default',
  ],
  6: [
    'unreachable default',
    'prohibit default',
    'blackhole default',
    'default via fd00:2::fe dev s0',
    'default via fd00:1::50 dev c0 mtu 1300',
    'throw default',
  ],
};

function reroute(ip: Ip): ScenarioFile {
  const [first, ...others] = WAYS[ip];
  const story = new Story(`policy_snat_reroute${ip}`, 'a rule for what comes from the virtual address', [
    ...service(ip, 'tcp', 'nat'),
    ...service(ip, 'udp', 'nat'),
  ]).setup(`ip -${ip} rule add from ${vip(ip)} lookup 200`, `ip -${ip} route add ${first} table 200`);
  const flow = new Flow(ip, 5000);
  const quote = flow.askAfterNat(ACK, { data: ascii('quoted') });
  const talk = (): void => {
    story
      .send('client', flow.ask(ACK))
      .send('rs1', flow.answer(ACK, { data: ascii('answer') }))
      .send('rs1', flow.answer(ACK, { data: new Uint8Array(1350) }), 'long')
      .send('rs1', flow.answerUdp())
      .send('rs1', icmpError(flow.server, flow.client, ip === 4 ? 3 : 1, 1, quote), 'an error', {
        offload: ip === 6,
      });
  };
  story.send('client', flow.ask(SYN)).send('client', flow.askUdp());
  story.send('rs1', flow.answer(SYN | ACK), 'no way out: the state stays').dump('ipvsadm -Lnc');
  talk();
  story.change({ snat_reroute: 0 });
  talk();
  story.change({ snat_reroute: 1 });
  for (const way of others) {
    story.shell(`ip -${ip} route del default table 200`).shell(`ip -${ip} route add ${way} table 200`);
    talk();
  }
  story.send('rs1', flow.answer(FIN | ACK)).dump('ipvsadm -Lnc');
  return story.wait(3).dump('ipvsadm -Ln --stats').end();
}

export const REROUTE: readonly ScenarioFile[] = [reroute(4), reroute(6)];
