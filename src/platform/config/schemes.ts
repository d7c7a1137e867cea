/**
 * Schemes that belong to no single app (RFC 8252 §7.1 allows only private-use ones): a browser or the system handles them, or any app may
 * claim them.
 */
const reserved: ReadonlySet<string> = new Set(
  [
    // Special in the URL Standard, or run, displayed or stored by browsers themselves.
    'http https ws wss ftp file javascript data vbscript blob about filesystem view-source intent',
    'jscript livescript mocha jar resource wyciwyg mhtml its mk res cid mid content feed pcast chrome devtools edge brave opera vivaldi',
    'extension isolated-app uuid-in-package android-app browserext',
    // Any website may register for these (HTML Standard, registerProtocolHandler, and browsers' additions).
    'bitcoin ftps geo im irc ircs magnet mailto matrix mms news nntp openpgp4fpr sftp sip sms smsto ssh tel urn webcal wtai xmpp',
    'cabal dat did doi dweb ethereum hyper ipfs ipns ssb otpauth lp map gmap bingmap location',
    // Permanent in the IANA registry (RFC 7595 §3): names of protocols.
    'aaa aaas acap acct cap coap coaps crid dav dict dns dtn example fax go gopher h323 iax icap imap info ipn ipp ipps',
    'iris iris.beep iris.lwz iris.xpc iris.xpcs jabber ldap ldaps leaptofrogans mailserver msrp msrps mt mtqp mupdate mvn nfs ni nih',
    'opaquelocktoken pkcs11 pop pres prospero reload rtsp rtsps rtspu scion service session shttp sieve sips smb snmp soap.beep soap.beeps',
    'stun stuns tag telnet tftp thismessage tip tn3270 turn turns tv vemmi videotex vnc wais xcon xcon-userid xmlrpc.beep xmlrpc.beeps xri',
    'z39.50 z39.50r z39.50s adt afp afs rlogin rsync scp finger rdp',
    // Telephony, and schemes that systems open themselves: Windows, macOS and iOS, Android, Linux.
    'callto dialer facetime facetime-audio facetime-group imessage message messages mmsto voicemail wtel',
    'search shell hcp help local onenote onenote-cmd odopen bingmaps bingnews bingweather calculator windowsdefender',
    'prefs app-prefs applescript addressbook calshow contact ical macappstore macappstores maps photos-redirect shortcuts workflow x-man-page x-help-action',
    'telprompt videos-redirect music-redirect mobilenotes ichat daap podcast podcasts',
    'market package android.resource google.navigation google.streetview',
    'apt snap appstream trash createLru computer network man ghelp admin mtp gphoto2',
  ].flatMap((line) => line.split(' ')),
);

/** Whole families: one vendor's system or browser, websites and extensions (`web+…`, `ext+…`), version control. */
const families: readonly RegExp[] = [
  /^(ms|microsoft|windows|search)-/,
  /^(apple|x-apple|itms|itunes)/,
  /^(chrome|edge|moz|safari|opera|brave|vivaldi)-/,
  /^(web|ext)\+/,
  /^(bzr|cvs|darcs|git|hg|svn|coap|coaps|soap|smb|http|https|file|feed|webcal|javascript|data)\+/,
  /^(bzr|cvs|darcs|git|hg|svn)$/,
];

/** Returns whether a scheme, in lower case, is never allowed in a redirect URI, whatever the operator or a client configures. */
export function isReservedScheme(scheme: string): boolean {
  return reserved.has(scheme) || families.some((one) => one.test(scheme));
}
