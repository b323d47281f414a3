/** A prompt that hosts show as a slash command, with which the person asks to be signed in. */
export const signInPrompt = {
  name: 'sign_in',
  title: 'Sign in to a URL behind Cloudflare Access',
  description: 'Signs you in to an internal URL, so that the agent can read it.',
  arguments: [
    {
      name: 'url',
      description: 'The URL to sign in to, such as https://wiki.example.com',
      required: true,
    },
  ],
};

export function signInMessage(url: string): string {
  return `Sign me in to ${JSON.stringify(url)}: call the tool authenticate with that url. If the result is pending, show me the authorization_url (or the user_code with its verification_uri) exactly as given, wait until I say that I have signed in, and call authenticate with the same url again. Then tell me in one sentence which resource I am signed in to and until when.`;
}
