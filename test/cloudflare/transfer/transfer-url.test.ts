import { describe, expect, test } from 'vitest';
import { transferUrl } from '../../../src/cloudflare/transfer/transfer-url.ts';

const audience = 'a1'.repeat(32);

describe('the URL to open (§5.2)', () => {
  const key = 'abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE=';

  test('is cloudflared’s, byte for byte', () => {
    expect(transferUrl(new URL('https://app.example.com/'), audience, key).href).toBe(
      `https://app.example.com/cdn-cgi/access/cli?aud=${audience}&close_interstitial=true&edge_token_transfer=true` +
        `&redirect_url=https%3A%2F%2Fapp.example.com%2F%3Faud%3D${audience}%26token%3Dabcdefghijklmnopqrstuvwxyz-_0123456789ABCDE%253D` +
        `&send_org_token=true&token=abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE%3D`,
    );
  });

  test('brings the person back to the application, its query sorted among ours and escaped as Go does', () => {
    const url = transferUrl(
      new URL("https://u:p@app.example.com:8443/a/b?z=1&b=a+b*~'&token=evil#f"),
      audience,
      key,
    );
    expect(url.origin).toBe('https://app.example.com:8443');
    expect(url.username).toBe('');
    expect(url.searchParams.get('redirect_url')).toBe(
      `https://app.example.com:8443/a/b?aud=${audience}&b=a+b%2A~%27&token=${key.replace('=', '%3D')}&z=1`,
    );
    expect(url.searchParams.getAll('token')).toEqual([key]);
    expect([...url.searchParams.keys()]).toEqual([...url.searchParams.keys()].toSorted());
  });
});
