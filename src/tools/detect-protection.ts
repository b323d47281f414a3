/** detect_protection: reports how a URL is protected, and what to call next. */
import * as z from 'zod';
import type { Detection } from '../access/detect.ts';
import type { AccessError } from '../errors.ts';
import { instant } from '../instant.ts';
import { stepForAgents } from './step-for-agents.ts';
import { targetUrl } from './target-url.ts';
import { defineTool, structured } from './tool.ts';

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
      next_step: whatNext(url, found),
    });
  },
});

/** Checked in the order in which the other tools would try. */
function whatNext(url: URL, found: Detection): string {
  const { protection, how, session, signIn, serviceToken, obstacle, refusal } = found;
  if (refusal) return withReason(refusal);
  switch (protection) {
    case 'none':
      return stepForAgents([{ do: 'fetch', because: 'nothing_asked' }]);
    case 'other':
      return withReason(obstacle ?? notAccess(how, url));
    default:
      if (session.state === 'active') return stepForAgents([{ do: 'fetch', because: 'session' }]);
      if (protection === 'denied' && serviceToken === 'ready') return serviceTokenNext();
      if (protection !== 'service_auth' && signIn.length > 0) {
        return stepForAgents([
          { do: 'sign_in', url: url.href },
          { when: 'otherwise', do: 'fetch', because: 'signs_in_itself' },
        ]);
      }
      if (obstacle) return withReason(obstacle);
      if (protection === 'oauth') {
        return withReason({
          message: 'A person has to sign in here, and this server runs headless.',
          nextStep: [{ do: 'run_attended' }, { when: 'otherwise', do: 'use_own_credential' }],
        });
      }
      if (serviceToken === 'ready') {
        return serviceTokenNext();
      }
      return stepForAgents(
        serviceToken === 'not_configured'
          ? [{ do: 'use_service_token', host: url.host }]
          : [
              {
                when: 'trusted_with_secret',
                do: 'set_variables',
                variables: [{ name: 'CF_ACCESS_HOSTS', entry: url.host }],
              },
            ],
      );
  }
}

type Reason = Pick<AccessError, 'message' | 'nextStep'>;

function withReason({ message, nextStep }: Reason): string {
  return `${message} ${stepForAgents(nextStep)}`;
}

function notAccess(how: Detection['how'], { host }: URL): Reason {
  switch (how) {
    case 'proxy':
      return {
        message: 'A proxy on the way wants credentials, not the application.',
        nextStep: [{ do: 'check_proxy' }],
      };
    case 'cloudflare_challenge':
      return {
        message: 'This is Cloudflare’s check for bots, not Access: no sign-in helps.',
        nextStep: [
          { do: 'open_yourself', what: 'page' },
          { when: 'otherwise', do: 'ask_operator', host, to: 'let this client through' },
        ],
      };
    case 'cloudflare_block':
      return {
        message:
          'A firewall rule of the site at Cloudflare refuses the request, not Access: no sign-in helps.',
        nextStep: [
          { do: 'ask_operator', host, to: 'change that rule' },
          { when: 'otherwise', do: 'send_user_agent' },
        ],
      };
    default:
      return {
        message: 'This is not Cloudflare Access.',
        nextStep: [{ do: 'use_own_credential' }],
      };
  }
}

function serviceTokenNext(): string {
  return stepForAgents([{ do: 'fetch', because: 'service_token_ready' }]);
}
