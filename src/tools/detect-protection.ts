/** detect_protection: what guards a URL, and the one call that helps. */
import * as z from 'zod';
import type { Detection } from '../access/detect.ts';
import { stepForAgents } from './step-for-agents.ts';
import { targetUrl } from './target-url.ts';
import { defineTool, instant, structured } from './tool.ts';

export const detectProtection = defineTool({
  name: 'detect_protection',
  title: 'Detect what guards a URL',
  description: `Tells whether a URL is behind Cloudflare Access (or another OAuth resource, RFC 9728), who signs people in there, and what to call next. Use it when a page answers 401 or 403, or redirects to a login. It sends no credential and opens nothing.

Result: protection is managed_oauth, browser_login, service_auth, denied, oauth, other or none; sign_in lists the ways a person can sign in, best first; service_token says whether a configured service token would be sent; session says whether somebody is signed in already; next_step names the one call that helps. team_domain is only a claim of the host unless team_verified is true.`,
  input: z.strictObject({
    url: z.string().describe('The absolute URL to look at: https, or http on localhost.'),
  }),
  output: z.object({
    url: z.string(),
    status: z.number(),
    protected: z.boolean(),
    protection: z.enum([
      'managed_oauth',
      'browser_login',
      'service_auth',
      'denied',
      'oauth',
      'other',
      'none',
    ]),
    resource: z.string().nullable(),
    team_domain: z.string().nullable(),
    team_verified: z.boolean(),
    application_aud: z.string().nullable(),
    authorization_server: z.string().nullable(),
    sign_in: z.array(z.enum(['authorization_code', 'device_code', 'browser_transfer'])),
    service_token: z.enum(['ready', 'not_configured', 'host_not_allowed']),
    session: z.object({
      state: z.enum(['none', 'active', 'expired']),
      method: z
        .enum([
          'authorization_code',
          'device_code',
          'browser_transfer',
          'cloudflared',
          'service_token',
        ])
        .nullable(),
      expires_at: z.string().nullable(),
    }),
    next_step: z.string(),
  }),
  annotations: {
    readOnlyHint: true,
    openWorldHint: true,
    idempotentHint: true,
    destructiveHint: false,
  },
  async run({ url: text }, { access, signal }) {
    const url = targetUrl(text);
    const found = await access.detect(url, signal);
    const { session } = found;
    return structured({
      url: url.href,
      status: found.status,
      protected: found.protection !== 'none',
      protection: found.protection,
      resource: found.resource ?? null,
      team_domain: found.teamDomain ?? null,
      team_verified: found.teamVerified,
      application_aud: found.audience ?? null,
      authorization_server: found.authorizationServer ?? null,
      sign_in: [...found.signIn],
      service_token: found.serviceToken,
      session: {
        state: session.state,
        method: session.method ?? null,
        expires_at: instant(session.expiresAt),
      },
      next_step: nextStep(found),
    });
  },
});

/** In the order in which the other tools would try. */
function nextStep({
  protection,
  how,
  session,
  signIn,
  serviceToken,
  obstacle,
  refusal,
}: Detection): string {
  if (refusal) return `${refusal.message} ${stepForAgents(refusal.nextStep)}`;
  switch (protection) {
    case 'none':
      return 'Call access_fetch, or any other HTTP client: nothing is asked for.';
    case 'other':
      if (obstacle) return `${obstacle.message} ${stepForAgents(obstacle.nextStep)}`;
      return otherStep(how);
    default:
      if (session.state === 'active') return 'Call access_fetch: there is a session.';
      if (protection !== 'service_auth' && signIn.length > 0) {
        return 'Call authenticate with this URL (or access_fetch, which does so itself): a person signs in once, in a browser.';
      }
      if (obstacle) return `${obstacle.message} ${stepForAgents(obstacle.nextStep)}`;
      if (protection === 'oauth') {
        return 'A person has to sign in here, and this server runs headless: ask the person to run it without CF_ACCESS_HEADLESS (and CI), or for a token of the application’s own to pass in the headers of access_fetch.';
      }
      if (serviceToken === 'ready') return 'Call access_fetch: the service token will be sent.';
      return serviceToken === 'not_configured'
        ? 'Ask the person for a service token that the application allows: CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS in this server’s environment.'
        : 'A service token is configured, but not for this host: ask the person to add the host to CF_ACCESS_HOSTS.';
  }
}

function otherStep(how: Detection['how']): string {
  switch (how) {
    case 'proxy':
      return 'A proxy on the way wants credentials, not the application: ask the person to put them into HTTPS_PROXY in this server’s environment.';
    case 'cloudflare_challenge':
      return 'This is Cloudflare’s check for bots, not Access: no sign-in helps. Ask the person to open the page in their browser, or to have it let this client through.';
    case 'cloudflare_block':
      return 'A firewall rule of the site at Cloudflare refuses the request, not Access: no sign-in helps. Tell the person, whose administrator can change the rule.';
    default:
      return 'This is not Cloudflare Access: ask the person for the application’s own credentials and pass them in the headers of access_fetch.';
  }
}
