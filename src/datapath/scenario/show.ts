/** A scenario and what came of it, as an account that people can read. */
import { describePacket } from './describe.js';
import type { EmittedPacket, Outcome, Scenario, ScenarioEvent } from './format.js';

/** The account; ends in a line feed. */
export function showScenario(scenario: Scenario, outcome: Outcome): string {
  const out = [`# ${scenario.name}${scenario.about === undefined ? '' : ` -- ${scenario.about}`}`];
  for (const [i, rule] of scenario.rules.entries()) {
    const result = outcome.rule_results[i];
    out.push(`           ipvsadm ${rule}`, ...failure(result), ...block(result?.stdout));
  }
  for (const error of outcome.errors.filter((e) => e.event === null && e.ipvsadm === undefined)) {
    out.push(`           error: ${JSON.stringify(error)}`);
  }
  const shown = (event: number | null, after: number | null): string[] =>
    (outcome.debug ?? [])
      .filter((d) => d.event === event && d.after === after)
      .map(({ text }) => `           ${text}`);
  for (const [i, event] of scenario.events.entries()) {
    // what left by itself while time went on to this event
    const before = i === 0 ? null : i - 1;
    out.push(...shown(null, before));
    out.push(...sent(outcome.emitted.filter((p) => p.event === null && (p.after ?? null) === before)));
    out.push(...showEvent(event, i, outcome));
    out.push(...shown(i, null));
    out.push(...sent(outcome.emitted.filter((p) => p.event === i)));
  }
  const last = scenario.events.length - 1;
  out.push(...shown(null, last));
  out.push(...sent(outcome.emitted.filter((p) => p.event === null && p.after === last)));
  return `${out.join('\n')}\n`;
}

function showEvent(event: ScenarioEvent, i: number, outcome: Outcome): string[] {
  const head = `${event.at.toFixed(2).padStart(9)}  `;
  const note = event.note === undefined ? '' : `   (${event.note})`;
  const error = outcome.errors.find((e) => e.event === i);
  const said = error === undefined ? [] : [`           error: ${JSON.stringify(error)}`];
  if (event.packet !== undefined) {
    const bytes = new Uint8Array(Buffer.from(event.packet, 'hex'));
    const more = `${event.mark ? ` mark=${event.mark}` : ''}${event.offload === true ? ' offload' : ''}`;
    return [`${head}${event.from ?? 'client'}: ${describePacket(bytes)}${more}${note}`, ...said];
  }
  if (event.ipvsadm !== undefined) {
    const result = outcome.ipvsadm_results.find((r) => r.event === i);
    return [`${head}ipvsadm ${event.ipvsadm}${note}`, ...failure(result), ...block(result?.stdout)];
  }
  if (event.dump !== undefined) {
    const at = outcome.dump_index.flatMap((entry, n) => (entry.event === i ? [n] : []));
    return at.flatMap((n) => [`${head}$ ${outcome.dump_index[n]!.cmd}`, ...block(outcome.dumps[n])]);
  }
  if (event.sysctl !== undefined) return [`${head}sysctl ${JSON.stringify(event.sysctl)}${note}`, ...said];
  if (event.shell !== undefined) return [`${head}$ ${event.shell}${note}`, ...said];
  const m = event.localsend!;
  const heard = outcome.localrecv
    .filter((r) => r.event === i)
    .map((r) => `           <- ${r.from.join(' ')}: ${r.hex}`);
  return [
    `${head}director: ${m.addr}.${m.port} > ${m.to}.${m.toport} udp ${m.hex.length / 2} bytes${note}`,
    ...said,
    ...heard,
  ];
}

const sent = (packets: EmittedPacket[]): string[] =>
  packets.map((p) => `           -> ${p.to}: ${describePacket(new Uint8Array(Buffer.from(p.hex, 'hex')))}`);

const failure = (result: { rc: number; stderr: string } | undefined): string[] =>
  result === undefined || result.rc === 0
    ? []
    : [`           exit code ${result.rc}: ${result.stderr.trim()}`];

const block = (text: string | undefined): string[] =>
  text === undefined || text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `           ${line}`);
