/** What health has to do with an explanation: why the weights of servers are not those that are configured. */
import type { Result } from '../control/command.js';
import type { HealthEntry } from '../control/health-fields.js';
import { destId, serviceId } from '../control/resource-id.js';

type Explanation = Result<'explain'>;
type ExplainStep = Explanation['steps'][number];
type WeighedServer = Extract<ExplainStep, { step: 'scheduler' }>['servers'][number];

/** The explanation, with the configured weights of checked servers that have others, and why servers are down. */
export function annotate(explanation: Explanation, health: readonly HealthEntry[]): Explanation {
  const entries = new Map(health.map((entry) => [serviceId(entry.service), entry]));
  let entry: HealthEntry | undefined;
  const steps = explanation.steps.map((step): ExplainStep => {
    if (step.step === 'service-lookup') entry = entries.get(step.key);
    if (step.step !== 'scheduler' || entry === undefined) return step;
    return { ...step, servers: step.servers.map((server) => annotated(server, entry!)) };
  });
  return { ...explanation, steps };
}

function annotated(server: WeighedServer, { servers }: HealthEntry): WeighedServer {
  const known = servers.find(({ dest }) => destId(dest) === destId(server));
  if (known === undefined || known.dest.weight === server.weight) return server;
  const reason = known.checks.find(({ up }) => !up)?.reason ?? 'not asked yet';
  return { ...server, configuredWeight: known.dest.weight, ...(!known.up && { down: reason }) };
}
