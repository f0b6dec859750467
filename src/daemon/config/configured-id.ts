/** The word for a service of a configuration. */
import type { ConfiguredService } from '../../control/command.js';
import { serviceId } from '../../control/resource-id.js';

const ids = new WeakMap<ConfiguredService, string>();

/** As `serviceId`, but made once: of ten thousand services most are the same objects as in the configuration before. */
export function configuredId(service: ConfiguredService): string {
  let id = ids.get(service);
  if (id === undefined) {
    id = serviceId(service);
    ids.set(service, id);
  }
  return id;
}
