/** The guards, met by every face of the program: what each answers, and what it asks for that. */
import { describe, expect, it } from 'vitest';
import { type Cookies, signInAs } from '../../../src/sandbox/team/person.ts';
import { byEveryFace, pairOf, saidIn, setUpFaces } from '../../support/faces.ts';
import {
  all,
  discovery,
  expectWords,
  faces,
  oauth,
  proof,
  signInByBoth,
  transfer,
} from './expected.ts';

describe('2: a refusal of strangers by name', () => {
  it('is a sign-in for a person', async () => {
    const met = await setUpFaces();
    expect((await byEveryFace(met, met.url('denied-or-login'))).met).toEqual({
      ...transfer,
      detect_protection: ['denied browser_transfer', 'refused', ...proof],
      get_token: ['sign_in_required', 'refused'],
      authenticate: ['authenticated browser_transfer, 1 tab', 'refused'],
      doctor: ['exit 0', 'refused', 'refused', ...proof],
      login: ['exit 0, 1 tab', 'refused', ...proof],
    });
  });

  it('is let in with a service token, for which nobody is asked', async () => {
    const met = await setUpFaces({ environment: ({ serviceToken }) => pairOf(serviceToken) });
    const tried = ['origin + service token', 'origin + JWT'];
    expect((await byEveryFace(met, met.url('denied-or-login'))).met).toEqual({
      detect_protection: ['denied browser_transfer', 'refused', ...proof],
      get_token: ['cf-access-token', 'refused', ...tried],
      authenticate: ['authenticated service_token', 'refused', 'origin + service token'],
      access_fetch: ['200 service_token', 'origin + service token'],
      'get_token, then': ['cf-access-token', 'refused', ...tried],
      doctor: ['exit 0', 'refused', 'refused', ...proof, 'refused', 'origin + service token'],
      login: ['exit 0', 'refused', ...proof, 'origin + service token'],
      fetch: ['exit 0', 'refused', ...proof, 'origin + service token'],
      token: ['exit 0', 'refused', ...proof, ...tried],
    });
  });

  it('is final where the service token is refused as well', async () => {
    const met = await setUpFaces({
      environment: ({ otherServiceToken }) => pairOf(otherServiceToken),
    });
    const result = await byEveryFace(met, met.url('denied-or-login'));
    const refused = ['refused', 'refused + service token'];
    const byCommand = ['refused', ...proof, 'refused + service token'];
    expect(result.met).toEqual({
      ...all('access_denied', refused),
      detect_protection: ['denied browser_transfer', 'refused', ...proof],
      doctor: ['exit 1', 'refused', 'refused', ...proof, ...refused],
      login: ['exit 1', ...byCommand],
      fetch: ['exit 67', ...byCommand],
      token: ['exit 1', ...byCommand],
    });
    expect(result.words.authenticate).not.toContain('“1”');
  });
});

describe('4: OPTIONS', () => {
  it.each([
    ['refused', '403 none', 'exit 0', '403 oauth'],
    ['refused_by_name', 'access_denied', 'exit 67', 'access_denied'],
  ] as const)(
    '%s, whoever asks, says nothing to whoever may get in',
    async (preflights, ...said) => {
      const [, commandSaid, toolSaid] = said;
      const met = await setUpFaces({ sandbox: { preflights } });
      const url = met.url('managed-oauth');
      const check = preflights === 'refused' ? [] : ['origin + Authorization'];
      const discovered = [
        'registration',
        'token:authorization_code',
        'refused + Authorization',
        ...check,
      ];
      const fetched = await met.tool('access_fetch', { url, method: 'OPTIONS' });
      expect([saidIn(fetched.json), fetched.tabs, fetched.asked]).toEqual([
        toolSaid,
        1,
        ['refused', 'challenge', ...discovery, ...discovered],
      ]);
      const page = await met.command('fetch', '-X', 'OPTIONS', url);
      expect([`exit ${page.code}`, page.tabs, page.asked]).toEqual([
        commandSaid,
        1,
        ['refused', 'challenge', ...discovery, ...discovered],
      ]);
      // The other faces ask with GET.
      const token = await met.tool('get_token', { url });
      expect([saidIn(token.json), ...token.asked]).toEqual(oauth['get_token, then']);
      expect((await met.command('login', url)).asked).toEqual([]);
    },
  );
});

describe('7: an application of two domains', () => {
  it('is entered by the team’s login at the host that was asked', async () => {
    const met = await setUpFaces();
    await signInByBoth(met, met.url('browser-login'));
    const exchanged = ['challenge', 'login_page + cookie', 'callback', 'callback + cookie'];
    expect((await byEveryFace(met, met.url('browser-login-two-domains'))).met).toEqual({
      ...transfer,
      detect_protection: [transfer.detect_protection[0], 'challenge', 'signed_answer'],
      get_token: ['cf-access-token', 'challenge', ...exchanged],
      authenticate: ['authenticated browser_transfer'],
      login: ['exit 0', 'challenge', ...proof, ...exchanged],
    });
  });
});

describe('8: a host that exists only with a query', () => {
  const preview = '/echo?preview=t0ken';
  const asked = ['nothing_there', ...proof];

  it('is proven and signed in to with it', async () => {
    const met = await setUpFaces();
    expect((await byEveryFace(met, met.url('browser-login-preview', preview))).met).toEqual({
      ...transfer,
      detect_protection: [transfer.detect_protection[0], 'challenge', ...asked],
      doctor: ['exit 0', 'challenge', 'challenge', ...asked],
      login: ['exit 0, 1 tab', 'challenge', ...asked],
    });
  });

  it('is entered by the team’s login with it', async () => {
    const met = await setUpFaces();
    await signInByBoth(met, met.url('browser-login'));
    const exchanged = ['challenge', 'login_page + cookie', 'callback + cookie'];
    expect((await byEveryFace(met, met.url('browser-login-preview', preview))).met).toEqual({
      ...transfer,
      detect_protection: [
        transfer.detect_protection[0],
        'challenge',
        'nothing_there',
        'signed_answer',
      ],
      get_token: ['cf-access-token', 'challenge', ...exchanged],
      authenticate: ['authenticated browser_transfer'],
      doctor: ['exit 0', 'challenge', 'challenge', ...asked],
      login: ['exit 0', 'challenge', ...asked, ...exchanged],
    });
  });
});

describe('9: an application that lets in service tokens alone', () => {
  it('refuses the JWT that came for one, which is therefore not given', async () => {
    const met = await setUpFaces({
      environment: ({ serviceToken }) => ({ ...pairOf(serviceToken), CF_ACCESS_HEADLESS: '1' }),
    });
    const letIn = ['refused', 'origin + service token'];
    const { met: said, words } = await byEveryFace(met, met.url('service-auth'));
    expect(said).toEqual({
      detect_protection: ['service_auth', 'refused', ...proof],
      get_token: ['service_token_not_disclosed', ...letIn, 'refused + JWT'],
      authenticate: ['authenticated service_token', ...letIn],
      access_fetch: ['200 service_token', 'origin + service token'],
      'get_token, then': ['service_token_not_disclosed', ...letIn, 'refused + JWT'],
      doctor: ['exit 0', 'refused', 'refused', ...proof, ...letIn],
      login: ['exit 0', ...letIn],
      fetch: ['exit 0', ...letIn],
      token: ['exit 1', ...letIn, 'refused + JWT'],
    });
    expect(words.token).toContain('Access does not take the application’s token without it');
    for (const face of faces)
      expect(words[face]).not.toContain(met.sandbox.serviceToken.clientSecret);
  });
});

describe('14: an application that uses Access as its identity provider', () => {
  it('is named, after one request and without a tab, whoever is signed in there in a browser', async () => {
    const met = await setUpFaces();
    const cookies: Cookies = new Map();
    const page = new URL(met.url('identity-provider'));
    const visit = await signInAs(page, met.sandbox.people[0] ?? '', { cookies });
    expect([visit.status, visit.url.href]).toEqual([200, page.href]);
    const { met: said, words } = await byEveryFace(met, met.url('identity-provider'));
    expect(said).toEqual({
      ...all('access_denied', ['challenge']),
      detect_protection: ['other', 'challenge'],
    });
    expectWords(words, /identity provider/);
    for (const face of faces) expect(words[face], face).not.toMatch(/CF_ACCESS_HOSTS=|add the/);
    // What gets in is the application's own.
    const session = `app_session=${cookies.get(page.host)?.get('app_session')}`;
    const fetched = await met.tool('access_fetch', {
      url: page.href,
      headers: { cookie: session },
    });
    expect([saidIn(fetched.json), fetched.asked]).toEqual(['200 none', ['origin + cookie']]);
    const given = await met.command('fetch', '-b', session, page.href);
    expect([given.code, given.asked]).toEqual([0, ['origin + cookie']]);
  });
});
