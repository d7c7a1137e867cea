import { checkRedirects } from '../../src/oauth/clients/uris.ts';
import { readConfig } from '../../src/platform/config/index.ts';
import t from '../support/tap.ts';

/** By what would happen to a code that is sent there. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  'special (URL Standard)': ['http', 'https', 'ws', 'wss', 'ftp', 'file'],
  'run or shown by browsers': [
    ...['javascript', 'data', 'vbscript', 'livescript', 'mocha', 'blob', 'about', 'filesystem', 'view-source', 'jar'],
    ...[
      'resource',
      'mhtml',
      'cid',
      'intent',
      'android-app',
      'content',
      'feed',
      'feed+https',
      'chrome',
      'chrome-extension',
    ],
    ...['chrome-untrusted', 'devtools', 'edge', 'brave', 'opera', 'moz-extension', 'moz-icon', 'safari-web-extension'],
  ],
  'any website may register for it (HTML Standard)': [
    ...[
      'bitcoin',
      'ftps',
      'geo',
      'im',
      'irc',
      'ircs',
      'magnet',
      'mailto',
      'matrix',
      'mms',
      'news',
      'nntp',
      'openpgp4fpr',
    ],
    ...['sftp', 'sip', 'sms', 'smsto', 'ssh', 'tel', 'urn', 'webcal', 'wtai', 'xmpp', 'web+cursor', 'ext+cursor'],
    ...['ethereum', 'ipfs', 'doi', 'git', 'git+ssh', 'svn+ssh'],
  ],
  'a protocol (IANA, permanent)': [
    ...[
      'ldap',
      'ldaps',
      'telnet',
      'tftp',
      'vnc',
      'rtsp',
      'imap',
      'pop',
      'dav',
      'dict',
      'gopher',
      'sips',
      'snmp',
      'stun',
    ],
    ...['turn', 'coap', 'coaps+ws', 'nfs', 'dns', 'h323', 'iax', 'tag', 'info', 'ni', 'acct', 'pkcs11', 'smb', 'afp'],
  ],
  'opened by the system': [
    ...['ms-settings', 'ms-msdt', 'ms-officecmd', 'ms-word', 'ms-excel', 'ms-appinstaller', 'ms-search', 'ms-cxh'],
    ...['search-ms', 'search', 'shell', 'hcp', 'onenote', 'microsoft-edge', 'microsoft-edge-holographic', 'callto'],
    ...['facetime', 'facetime-audio', 'imessage', 'telprompt', 'itms', 'itms-apps', 'itms-services', 'itmss', 'prefs'],
    ...[
      'app-prefs',
      'applescript',
      'x-man-page',
      'x-apple-helpbasic',
      'macappstore',
      'shortcuts',
      'maps',
      'addressbook',
    ],
    ...['market', 'package', 'mmsto', 'voicemail', 'apt', 'snap', 'trash', 'admin'],
  ],
};
/** With a dot, and of no app all the same. */
const dotted = [
  'x-apple.systempreferences',
  'android.resource',
  'google.navigation',
  'xmlrpc.beep',
  'iris.beep',
  'z39.50r',
];

const readSchemes = (text: string) => readConfig('production', { SIGNET_REDIRECT_SCHEMES: text }).redirectSchemes;

t.test('RFC 8252 §7.1, RFC 7595 §3: schemes that are of no program are not admitted', async (t) => {
  for (const [why, schemes] of Object.entries({ ...reserved, 'with a dot': dotted }))
    for (const scheme of schemes) {
      t.throws(
        () => readSchemes(`vscode,${scheme}`),
        { code: 'setting_not_scheme', params: { source: 'SIGNET_REDIRECT_SCHEMES' } },
        `${scheme}: ${why}`,
      );
      // Neither where a setting would let it through.
      const rules = { httpsOnly: true, schemes: [scheme] };
      for (const preset of ['native', 'mcp'] as const)
        for (const uri of [`${scheme}:/cb`, `${scheme.toUpperCase()}:/cb`])
          if (!/^https?:/i.test(uri))
            t.throws(
              () => checkRedirects(preset, [uri], rules),
              { code: 'client_redirect_uri_invalid', params: { uri } },
              `${preset} ${uri}`,
            );
    }
});

t.test('RFC 8252 §7.1: programs are known by a domain name in reverse, or by what an operator names', async (t) => {
  const named = [
    'cursor',
    'vscode',
    'vscode-insiders',
    'zed',
    'windsurf',
    'slack',
    'msteams',
    'spotify',
    'claude',
    'warp',
    'jetbrains',
    'a.b',
  ];
  t.same(readSchemes(named.join(',')), named);
  for (const uri of [
    'com.example.app:/cb',
    'com.googleusercontent.apps.123-abc:/cb',
    'io.github.x:/cb',
    'com.microsoft.ms-app:/cb',
    'COM.example.app:/cb',
  ])
    t.doesNotThrow(() => checkRedirects('native', [uri]), uri);
  for (const scheme of [
    'cursor',
    'a.',
    '.a',
    'a..b',
    'a.-b',
    'a.b-',
    '-a.b',
    'a+b.c',
    'web+com.example',
    'a.b+c',
    '1a.b',
    'a.b.',
    'com.exämple',
  ])
    t.throws(() => checkRedirects('native', [`${scheme}:/cb`]), { code: 'client_redirect_uri_invalid' }, scheme);
  for (const preset of ['mcp', 'spa', 'web', 'device'] as const)
    t.throws(() => checkRedirects(preset, ['com.example.app:/cb']), { code: 'client_redirect_uri_invalid' }, preset);
});
