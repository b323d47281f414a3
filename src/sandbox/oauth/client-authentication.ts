/** How a client authenticates at the token and revocation endpoints (RFC 6749 §2.3 and §3.2.1). */
import { timingSafeEqual } from 'node:crypto';
import { type Answer, json } from '../server/answer.ts';
import type { Received } from '../server/received.ts';
import type { Client, Clients } from './registration.ts';

export function oauthError(error: string, description: string, status = 400): Answer {
  return json(
    status,
    { error, error_description: description },
    { 'cache-control': 'no-store', pragma: 'no-cache' },
  );
}

/** The form's parameters; an error answer when the body is not a form, or repeats a parameter (§3.2). */
export function readForm(request: Received): URLSearchParams | Answer {
  const type = String(request.headers['content-type'] ?? '')
    .split(';')[0]
    ?.trim();
  if (type !== 'application/x-www-form-urlencoded') {
    return oauthError('invalid_request', 'The body must be application/x-www-form-urlencoded');
  }
  const form = new URLSearchParams(request.body.toString());
  if (new Set(form.keys()).size !== form.size) {
    return oauthError('invalid_request', 'A parameter was sent twice');
  }
  return form;
}

/** The client, authenticated by the method it was registered with and no other. */
export function authenticateClient(
  clients: Clients,
  request: Received,
  form: URLSearchParams,
): Client | Answer {
  const basic = readBasic(request.headers.authorization);
  const client = clients.get(basic?.id ?? form.get('client_id') ?? '');
  const invalid = {
    ...oauthError('invalid_client', 'Unknown client, or wrong client authentication', 401),
  };
  const refusal: Answer =
    basic === undefined
      ? invalid
      : { ...invalid, headers: { ...invalid.headers, 'www-authenticate': 'Basic realm="OAuth"' } };
  if (client === undefined) return refusal;
  const posted = form.get('client_secret') ?? undefined;
  const right = {
    none: () => basic === undefined && posted === undefined,
    client_secret_basic: () => posted === undefined && same(basic?.secret, client.clientSecret),
    client_secret_post: () => basic === undefined && same(posted, client.clientSecret),
  }[client.tokenEndpointAuthMethod]();
  return right ? client : refusal;
}

function readBasic(field: string | string[] | undefined) {
  const encoded = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(String(field ?? ''))?.[1];
  if (encoded === undefined) return undefined;
  const [id, secret] = Buffer.from(encoded, 'base64').toString().split(':');
  // Both halves are form-encoded (§2.3.1), so the form decoder decodes them.
  const decode = (part = '') => new URLSearchParams(`v=${part}`).get('v') ?? '';
  return { id: decode(id), secret: decode(secret) };
}

function same(given: string | undefined, expected: string | undefined): boolean {
  if (given === undefined || expected === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
