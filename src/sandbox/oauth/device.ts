/**
 * The device authorization grant (RFC 8628), which the real Access does not offer: other authorization
 * servers of RFC 9728 resources do. Only with `announceDeviceFlow`.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Application } from '../catalogue.ts';
import { type Answer, json, redirect } from '../server/answer.ts';
import { notice, page } from '../server/page.ts';
import type { Received } from '../server/received.ts';
import { loginPage, readLogin } from '../team/login-page.ts';
import { type AuthorizationServer, findApplication } from './authorization.ts';
import { authenticateClient, oauthError, readForm } from './client-authentication.ts';
import type { Client } from './registration.ts';
import { notAdmitted, tokenResponse } from './token-response.ts';

interface DeviceRequest {
  readonly client: Client;
  readonly application: Application;
  readonly resource: string;
  readonly userCode: string;
  readonly expiresAt: number;
  intervalMs: number;
  askedAt: number;
  outcome: 'pending' | 'declined' | 'redeemed' | { readonly person: string };
}

/** By device code. */
export type DeviceRequests = Map<string, DeviceRequest>;

/** §3.1 and §3.2 */
export function authorizeDevice(
  { organisation, clients }: AuthorizationServer,
  devices: DeviceRequests,
  request: Received,
): Answer {
  const form = readForm(request);
  if ('status' in form) return form;
  const client = authenticateClient(clients, request, form);
  if ('status' in client) return client;
  const resource = form.get('resource') ?? '';
  const application = findApplication(organisation, resource);
  if (application === undefined) return oauthError('invalid_target', 'No such resource');
  const { deviceCodeSeconds, deviceIntervalSeconds } = organisation.settings;
  const deviceCode = randomBytes(32).toString('hex');
  const userCode = newUserCode();
  devices.set(deviceCode, {
    client,
    application,
    resource,
    userCode,
    expiresAt: Date.now() + deviceCodeSeconds * 1000,
    intervalMs: deviceIntervalSeconds * 1000,
    askedAt: Number.NEGATIVE_INFINITY,
    outcome: 'pending',
  });
  const uri = `${organisation.team.origin}/cdn-cgi/access/oauth/device`;
  return json(
    200,
    {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: uri,
      verification_uri_complete: `${uri}?user_code=${userCode}`,
      expires_in: deviceCodeSeconds,
      interval: deviceIntervalSeconds,
    },
    { 'cache-control': 'no-store' },
  );
}

/** §3.3: asks for the user code unless the address contains it, then shows the login page. */
export function verifyDevice(
  { organisation }: AuthorizationServer,
  devices: DeviceRequests,
  request: Received,
): Answer {
  const typed = request.url.searchParams.get('user_code');
  if (typed === null) {
    const posted = new URLSearchParams(request.body.toString()).get('user_code');
    if (request.method === 'POST' && posted !== null) {
      return redirect(`${request.url.pathname}?${new URLSearchParams({ user_code: posted })}`);
    }
    return userCodePage();
  }
  const wanted = typed.toUpperCase().replace(/[^A-Z]/g, '');
  const device = [...devices.values()].find((one) => one.userCode.replace('-', '') === wanted);
  if (device?.outcome !== 'pending' || device.expiresAt <= Date.now()) {
    return notice(400, 'No such code', 'This code is not known, or no longer valid.');
  }
  const { people } = organisation;
  if (request.method !== 'POST') {
    return loginPage({ application: device.application, client: device.client.name, people });
  }
  const login = readLogin(request, people);
  if (login === undefined) return notice(400, 'Not understood', 'The form named nobody.');
  if (login === 'declined' || !organisation.admits(login.person)) {
    device.outcome = 'declined';
    return notice(403, 'Not signed in', 'The device has not been given access.');
  }
  device.outcome = login;
  return notice(200, 'Signed in', 'You can close this tab and go back to your device.');
}

/** §3.4 and §3.5 */
export function redeemDeviceCode(
  server: AuthorizationServer,
  devices: DeviceRequests,
  client: Client,
  form: URLSearchParams,
): Answer {
  const device = devices.get(form.get('device_code') ?? '');
  if (device?.client !== client || device.outcome === 'redeemed') {
    return oauthError('invalid_grant', 'The device code is not valid');
  }
  if (device.expiresAt <= Date.now()) return oauthError('expired_token', 'The device code expired');
  if (device.outcome === 'declined') return oauthError('access_denied', 'The person declined');
  // A tolerance of a tenth, because timers and the network are not exact.
  const tooSoon = Date.now() - device.askedAt < device.intervalMs * 0.9;
  device.askedAt = Date.now();
  if (tooSoon) {
    device.intervalMs += 5_000;
    return oauthError('slow_down', 'Asked again before the interval was over');
  }
  if (device.outcome === 'pending') {
    return oauthError('authorization_pending', 'The person has not signed in yet');
  }
  const { person } = device.outcome;
  if (!server.organisation.admits(person)) return notAdmitted();
  device.outcome = 'redeemed';
  const { application, resource } = device;
  const { tokens } = server.grants.begin({
    clientId: client.clientId,
    person,
    application,
    resource,
  });
  return tokenResponse(server, client, resource, tokens);
}

/** §6.1: letters without vowels, so that no words occur. */
function newUserCode(): string {
  const letters = 'BCDFGHJKLMNPQRSTVWXZ';
  const code = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

function userCodePage(): Answer {
  return page(
    200,
    'Enter the code',
    `<h1>Enter the code</h1>
<p>Type the code that your device shows.</p>
<form method="post">
<input name="user_code" aria-label="Code" autocomplete="off" autocapitalize="characters" required>
<button class="main">Continue</button>
</form>`,
  );
}
