/**
 * Schemes that belong to no single program (RFC 8252 §7.1 has private-use ones alone): what is sent there is carried out or opened by a
 * browser or a system, or goes to a program that has claimed a name of everybody's.
 */
const reserved: ReadonlySet<string> = new Set(
  [
    // Special in the URL Standard, and what browsers run, show or keep themselves.
    'http https ws wss ftp file javascript data vbscript blob about filesystem view-source intent',
    'jscript livescript mocha jar resource wyciwyg mhtml its mk res cid mid content feed pcast chrome devtools edge brave opera vivaldi',
    'extension isolated-app uuid-in-package android-app browserext',
    // Any website may register itself for these (HTML Standard, registerProtocolHandler, and what browsers add to it).
    'bitcoin ftps geo im irc ircs magnet mailto matrix mms news nntp openpgp4fpr sftp sip sms smsto ssh tel urn webcal wtai xmpp',
    'cabal dat did doi dweb ethereum hyper ipfs ipns ssb otpauth lp map gmap bingmap location',
    // Permanent in the registry of IANA (RFC 7595 §3): names of protocols.
    'aaa aaas acap acct cap coap coaps crid dav dict dns dtn example fax go gopher h323 iax icap imap info ipn ipp ipps',
    'iris iris.beep iris.lwz iris.xpc iris.xpcs jabber ldap ldaps leaptofrogans mailserver msrp msrps mt mtqp mupdate mvn nfs ni nih',
    'opaquelocktoken pkcs11 pop pres prospero reload rtsp rtsps rtspu scion service session shttp sieve sips smb snmp soap.beep soap.beeps',
    'stun stuns tag telnet tftp thismessage tip tn3270 turn turns tv vemmi videotex vnc wais xcon xcon-userid xmlrpc.beep xmlrpc.beeps xri',
    'z39.50 z39.50r z39.50s adt afp afs rlogin rsync scp finger rdp',
    // Telephones, and what systems open themselves: Windows, macOS and iOS, Android, Linux.
    'callto dialer facetime facetime-audio facetime-group imessage message messages mmsto voicemail wtel',
    'search shell hcp help local onenote onenote-cmd odopen bingmaps bingnews bingweather calculator windowsdefender',
    'prefs app-prefs applescript addressbook calshow contact ical macappstore macappstores maps photos-redirect shortcuts workflow x-man-page x-help-action',
    'telprompt videos-redirect music-redirect mobilenotes ichat daap podcast podcasts',
    'market package android.resource google.navigation google.streetview',
    'apt snap appstream trash createLru computer network man ghelp admin mtp gphoto2',
  ].flatMap((line) => line.split(' ')),
);

/** Whole families: of one maker's system or browser, of websites and extensions (`web+…`, `ext+…`), of version control. */
const families: readonly RegExp[] = [
  /^(ms|microsoft|windows|search)-/,
  /^(apple|x-apple|itms|itunes)/,
  /^(chrome|edge|moz|safari|opera|brave|vivaldi)-/,
  /^(web|ext)\+/,
  /^(bzr|cvs|darcs|git|hg|svn|coap|coaps|soap|smb|http|https|file|feed|webcal|javascript|data)\+/,
  /^(bzr|cvs|darcs|git|hg|svn)$/,
];

/** Whether nothing is ever sent to a scheme, whatever an operator or a client says; in lower case. */
export function isReservedScheme(scheme: string): boolean {
  return reserved.has(scheme) || families.some((one) => one.test(scheme));
}
