import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  brokenPage,
  pageHeaders,
  renderCallbackPage,
} from '../../../src/host/loopback/callback-page.ts';

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&\u202egro.live\0`;

test('says which application was signed in to, and that the tab can be closed', () => {
  const page = renderCallbackPage({ status: 'signed_in', application: 'app.example.com' });
  expect(page).toContain('<strong>app.example.com</strong>');
  expect(page).toContain('You can close this tab.');
});

test('a failure says what failed and what to do', () => {
  const page = renderCallbackPage({
    status: 'failed',
    application: 'app.example.com',
    message: 'The person said no. Ask again.',
  });
  expect(page).toContain('<strong>app.example.com</strong>');
  expect(page).toContain('<p>The person said no. Ask again.</p>');
});

test('what is put in cannot become markup, or turn the text around', () => {
  for (const status of ['signed_in', 'failed'] as const) {
    const page = renderCallbackPage({ status, application: hostile, message: hostile });
    expect(page).not.toMatch(/<script|<img|\u202e|\0/);
    expect(page.match(/&lt;script&gt;/g)).toHaveLength(2);
  }
});

test('a callback that is not ours is answered with nothing of its own', () => {
  const page = renderCallbackPage({ status: 'not_ours' });
  const other = renderCallbackPage({ status: 'not_ours', application: 'x.example', message: 'y' });
  expect(other).toBe(page);
});

test('its policy allows its one stylesheet and nothing else', () => {
  const page = renderCallbackPage({ status: 'signed_in', application: 'app.example.com' });
  for (const html of [page, brokenPage, renderCallbackPage({ status: 'not_ours' })]) {
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(pageHeaders['content-security-policy']).toMatch(/^default-src 'none'; /);
    expect(pageHeaders['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
    expect(html).not.toMatch(/\s(style|on\w+|src|href)=|https?:|url\(|@import/);
  }
});
