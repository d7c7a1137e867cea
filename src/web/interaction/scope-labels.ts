/** What a scope lets a client do, for whoever is asked to allow it. */
export const scopeLabels: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your name and username',
  email: 'See your e-mail address',
  groups: 'See the groups that you are in',
  permissions: 'See what you may do at its API',
  offline_access: 'Keep its access when you sign out',
};
