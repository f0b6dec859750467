/** `ipvsd check`: what is wrong with a configuration. */
import { checkConfig } from '../../daemon/config/check.js';
import { readSource } from './read-source.js';

/** Says what is in a configuration without errors. @throws BAD_CONFIG with all that is wrong */
export async function check(path: string): Promise<string> {
  const { text, file } = readSource(path);
  const { services = [] } = await checkConfig(text, file);
  const dests = services.reduce((sum, service) => sum + service.dests.length, 0);
  return `${file}: good; ${services.length} services, ${dests} real servers\n`;
}
