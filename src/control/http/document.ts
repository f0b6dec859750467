/** The API's OpenAPI document without a daemon. */
import { IpvsError } from '../../errors.js';
import { createApi } from './api.js';

/** The document, as `GET /openapi.json` gives it. */
export async function openApiDocument(): Promise<object> {
  const nobody = () => Promise.reject(new IpvsError('NO_DAEMON'));
  const api = await createApi({
    director: () => ({ execute: nobody }),
    ready: () => false,
    onFault: () => {},
  });
  const document = api.swagger();
  await api.close();
  return document;
}
