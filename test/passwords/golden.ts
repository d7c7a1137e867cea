/**
 * Golden hashes: each is verified true for its password by the system that made it. `by` says which one that was: -
 * Django: `get_hasher(name).encode(password, hasher.salt(), …)` with cheap costs, then `check_password` (bcrypt 4.0.1,
 *   argon2-cffi 25.1.0, Python 3.11.7);
 * - argon2-cffi: `low_level.hash_secret` behind the word `argon2`, accepted by Django's `check_password`: forms that
 * this
 *   release of Django reads and no longer writes;
 * - hashlib: Python's `hashlib`, put together by hand in Django's documented form.
 */
export interface Golden {
  readonly by: string;
  readonly form: string;
  readonly password: keyof typeof PASSWORDS;
  readonly encoded: string;
}

/** Written in escapes, so that no editor normalises or trims them. */
export const PASSWORDS = {
  ascii: 'correct horse battery staple',
  nonAscii: 'Gr\u00fc\u00dfe aus K\u00f6ln \u2013 \u6771\u4eac \u{1f511}',
  spaces: '  leading and trailing \t',
  decomposed: 'cafe\u0301 cre\u0300me',
  composed: 'caf\u00e9 cr\u00e8me',
  empty: '',
  over72Bytes: `${'\u00e9'.repeat(35)}abXYZ`,
  nul: 'before\u0000after',
  compatibility: '\ufb01ne \u2460 \uff21',
} as const;

type Row = readonly [form: string, password: keyof typeof PASSWORDS, encoded: string];

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'Django 4.2.30': [
    [
      'pbkdf2_sha256',
      'ascii',
      'pbkdf2_sha256$1000$7m4KATyB51VvbO6G4IpLTH$DGr/PUeORyb/rPB9L3ML/7CEcDLEeEfvQh058Umx0iw=',
    ],
    ['pbkdf2_sha1', 'ascii', 'pbkdf2_sha1$1000$5ADRzd0L5s6b1mXYXSolKE$SFyUaW26ZsbBBXtezOmeUOX2lCg='],
    [
      'scrypt',
      'ascii',
      'scrypt$1024$YC1jfYKcp4l5SIOQnGRcMs$8$1$1hXlLu0l+mrSJAIimVtiyw6Xp+bnNQlY61e7JzWA34NnM6x8cnzQ84NQQ0XkON9dAlw+OUPfw8yBeoacl/Fhcg==',
    ],
    ['bcrypt_sha256', 'ascii', 'bcrypt_sha256$$2b$04$n6vV30L/qPrctOh6s.98Q.UyMBEIwub1VZlXoxpuw4VJPjzQdlWx.'],
    ['bcrypt', 'ascii', 'bcrypt$$2b$04$z51CMrV5r83oPIynknOQ7uaqENVjNuZ5xnqkqiz6ivNyrUsbzYhAG'],
    ['sha1', 'ascii', 'sha1$dBzmPNL9OH0A5pXVCOCdKi$33f3c3d76dbff157f9e6f628fe5f979598b61f21'],
    ['md5', 'ascii', 'md5$P181JUQtj2uya8Xg7kfCNA$dbf0ba496720f23327787705b604854c'],
    ['unsalted sha1', 'ascii', 'sha1$$abf7aad6438836dbe526aa231abde2d0eef74d42'],
    ['bare md5', 'ascii', '9cc2ae8a1ba7a93da39b46fc1019c481'],
    ['unsalted md5', 'ascii', 'md5$$9cc2ae8a1ba7a93da39b46fc1019c481'],
    [
      'argon2id',
      'ascii',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$RFhVZGlnT0g5SXE4NHhLeGpGcFpNQQ$QmlBbC+3bUZd5kZ+93j0g4mVB277dBFpRzrcB9viLM4',
    ],
    [
      'pbkdf2_sha256',
      'nonAscii',
      'pbkdf2_sha256$1000$h65PLViYz4kVyHHOLUIzvu$mfELgnMNJhEC2QwRwzhV/c6BdS5TEEDCQ4UvH5eie9M=',
    ],
    ['pbkdf2_sha1', 'nonAscii', 'pbkdf2_sha1$1000$WWb6erJ0jwBqxN89Ca3gqj$scfkrkKEeWNnsVbLiuMS4BaYCn0='],
    [
      'scrypt',
      'nonAscii',
      'scrypt$1024$b3yxzMmUPDmE4l1r7p7viL$8$1$tZ1s4beNN2hde8OdPbVCnaDy/ZWGK9O3phnzlSAzMTL9hCF52jSzOgxneKCvuWSsO+vB4UzH+VgPzpfuUWGzKA==',
    ],
    ['bcrypt_sha256', 'nonAscii', 'bcrypt_sha256$$2b$04$i9bKoRnoFatDYLtEytBh0u.TdADqkgO4zqEEGtGzYGjkcCpcPQVqS'],
    ['bcrypt', 'nonAscii', 'bcrypt$$2b$04$2SLhk5yAv7A9w4aoCX2qXeq6P0BTZN//eSC3iL3dysErrskLonf86'],
    ['sha1', 'nonAscii', 'sha1$zNkQgWVjfQb4pxCw9ncGgA$51b9a7103911e2754c714c0ebdf937f15f7635a5'],
    ['md5', 'nonAscii', 'md5$kyV8H7IoiJyrtg1t30ji5R$1f4c55e884d0d8d6b70775c9f04ab5f8'],
    ['unsalted sha1', 'nonAscii', 'sha1$$3f9dd6f3c56c3f91337e5122fcf7bfe1ed48da38'],
    ['bare md5', 'nonAscii', '2055ce0c9592b4be8be111e302fd0d97'],
    ['unsalted md5', 'nonAscii', 'md5$$2055ce0c9592b4be8be111e302fd0d97'],
    [
      'argon2id',
      'nonAscii',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$UnZhQTZhUTlsb29hOFJ2MkN6YllBeA$zKH/GXf2C0d9xva8u1uGtssYg+uVVZginVd7PcwuT4E',
    ],
    [
      'pbkdf2_sha256',
      'spaces',
      'pbkdf2_sha256$1000$aOAAVJiL4Z0HVRzwIgNbsx$+19yJwCd+zxC+Ithb5CpDBhBGpgICFboDog8s51pIQ0=',
    ],
    ['pbkdf2_sha1', 'spaces', 'pbkdf2_sha1$1000$dp3PvFlCOMOGFvJaw7MPlz$stQ2Ma5EG01dK+aMOQLzV3Da0jY='],
    [
      'scrypt',
      'spaces',
      'scrypt$1024$mxHDnqjHHAyFKL0pDeCPYT$8$1$zhL315uQgt9GIL0VLYNKQxDj52Z2enP7qm37/BCnCWJEfX26SmLt8EZywN7O50G4eQQ7JYz1PfoS8qpYxMwmyQ==',
    ],
    ['bcrypt_sha256', 'spaces', 'bcrypt_sha256$$2b$04$znP/uFDtrvR4aAl19kU7Q.NQX2ACXd31Hcgwf8vjaOj3q6gJ6KIgG'],
    ['bcrypt', 'spaces', 'bcrypt$$2b$04$Vm0qIrcxSkPBjgzPBLw.v.fCUPlMDMIuzrbaBp5buhh4mUzXqz1zC'],
    ['sha1', 'spaces', 'sha1$kMoU5eRn0BvMTeFk2oLs9y$ad0e566e306bb0577fff263e43991e71c933a586'],
    ['md5', 'spaces', 'md5$ULwT5I8iWDyEDB9r56c359$cb33aef5d45d24e5dc96b8a2f5c4e3ee'],
    ['unsalted sha1', 'spaces', 'sha1$$729cab4c87a3a61439b56fa4652f26d63f118301'],
    ['bare md5', 'spaces', '950490decb9e318ae35071b6a785c9f5'],
    ['unsalted md5', 'spaces', 'md5$$950490decb9e318ae35071b6a785c9f5'],
    [
      'argon2id',
      'spaces',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$V3MxcG5EYzdPbUdsN0E5QlZpcmFOQg$XkD7g406+bhYA+6pbV4X75WvT49PUmue5N1tytMLIsA',
    ],
    [
      'pbkdf2_sha256',
      'decomposed',
      'pbkdf2_sha256$1000$Te7QYLNjI3iY8vtQ8CZUWt$3Om/WtaNGjTpHpA83zj+5rtC92sS3CDQ0aYsfXaNXJE=',
    ],
    ['pbkdf2_sha1', 'decomposed', 'pbkdf2_sha1$1000$ElXbLKER9lNVOj25VRBTol$JezYtLQM69uVlWJymchfnFAhUtI='],
    [
      'scrypt',
      'decomposed',
      'scrypt$1024$aUnjMwfH13dJd3ON9CdvNj$8$1$+zdVEMSfvVfc/K0Ofp3z4EGYdFjE97Q2B57lPWlLk9nix9a9i3oHb6uM/EgGNvBz1mVx34TMO4xcZll6Z3JzSg==',
    ],
    ['bcrypt_sha256', 'decomposed', 'bcrypt_sha256$$2b$04$ZfOZyEd8cFwrLSBIbpI.veLLrjNAggvT6OeAQ6/jyhIdcbuVvrf.a'],
    ['bcrypt', 'decomposed', 'bcrypt$$2b$04$hzX2Sz41VXD6jpLzJz1Lv.GOWiHKgEBjxGV4QkvF3B8KOCSxqB6rS'],
    ['sha1', 'decomposed', 'sha1$jT22eXsJlno0xcJ7QMEmy3$d44015741e63fa30e12212251f0903762c002faa'],
    ['md5', 'decomposed', 'md5$Hxse30XNSNw16trCSb2pun$32b177b7d7c1a0c4986c06699ccf33bf'],
    ['unsalted sha1', 'decomposed', 'sha1$$cdd3a00b369de202744f3ae640d6f09a090cc20b'],
    ['bare md5', 'decomposed', '086034d3e430d27fa576d3fd50eceee4'],
    ['unsalted md5', 'decomposed', 'md5$$086034d3e430d27fa576d3fd50eceee4'],
    [
      'argon2id',
      'decomposed',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$ZnlWRDBGemdwOGk3TnBPc21RY3htbA$hjz9RSNdcSD/nxEVHOkMyt80UPKG+iJY4vlBUKen5bs',
    ],
    [
      'pbkdf2_sha256',
      'composed',
      'pbkdf2_sha256$1000$wDVur5J9wgL5KTAxRfqyd0$h1aJBRJW5lEGxu8GRReWQZSWjKiIlUqB/3Z4CcOYtdk=',
    ],
    ['pbkdf2_sha1', 'composed', 'pbkdf2_sha1$1000$SCORGrZmfAaNazY6VlKT3h$a4IyUjTE7+I0IJwGk1KIWnqJGiE='],
    [
      'scrypt',
      'composed',
      'scrypt$1024$op9Z8rTjtjdX3SDUb7IL00$8$1$/GaRj1gPDt5DZ+NwD8svoxPKJd5JAwldFo6Mk1aA+Q7bkcueCCNbf/erPmLZvmK2Y39b7QBKlzpJ3U1Y1w+5+g==',
    ],
    ['bcrypt_sha256', 'composed', 'bcrypt_sha256$$2b$04$Avv.Tu4uRLJCKrN8TpiejePan/Ua.lNTloICcEL9kmLhj7XuYB0Gy'],
    ['bcrypt', 'composed', 'bcrypt$$2b$04$nRzsDo1S8tqys72pmrQaO.XiVyYrNFVnxYtcE55mbsFh6O7Lpob1.'],
    ['sha1', 'composed', 'sha1$jtWlyGA3fZz7a7qV2Rnp9I$5a66304c6fe04fc20e76c9b25db08e4f1c32d854'],
    ['md5', 'composed', 'md5$82c1DFK1pzJYPEvSz3Aztb$746861cb95b0ad6fac1e369692f8d47c'],
    ['unsalted sha1', 'composed', 'sha1$$553c54923607873f87299093e903b32408e03c68'],
    ['bare md5', 'composed', '017389b0f158221ae26bfb5536a9990c'],
    ['unsalted md5', 'composed', 'md5$$017389b0f158221ae26bfb5536a9990c'],
    [
      'argon2id',
      'composed',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$UkNpZXNVZ3h6TDJ2V3RnR2w4QlBTaQ$t8M1/cCXRqzthm9AQckR7mwAESrMhzIRPWvnGyduMuY',
    ],
    [
      'pbkdf2_sha256',
      'empty',
      'pbkdf2_sha256$1000$GKztfwZkIdzbWWqGXvVzEV$DJIxc3rGfofaCPzZ7LFd4ocjLEii/ii/91JsCexhxZI=',
    ],
    ['pbkdf2_sha1', 'empty', 'pbkdf2_sha1$1000$zS9FFCscSd3xrTLtxhb9Ne$Lkhq56A99929ojYSUMb0Rw8C0FI='],
    [
      'scrypt',
      'empty',
      'scrypt$1024$ANlLfukc4W67AyZ7XLDVr2$8$1$zYjqbc0vwY9lo9vDtj8GlC7U7wp/6+HIf7xUPnkmn5yKYYL/kxwt3PAiPuIjWXtwhgyYZfy1aROkiVvZo0kSzQ==',
    ],
    ['bcrypt_sha256', 'empty', 'bcrypt_sha256$$2b$04$1h0Zo7nzQHJkqN9MDv0YJOn.4dQjk1g5QepDPziQTmabfrwTpnhJ.'],
    ['bcrypt', 'empty', 'bcrypt$$2b$04$dnvlSOOTjZXoiH37awOQXOLG3YDmFYvW1poiDCkMFkNtDkJJYz8WS'],
    ['sha1', 'empty', 'sha1$mhF7qVdfN5WWWbQXrig7lB$f7d8c728dd1f1ae645020ae1601e98d2758ccae2'],
    ['md5', 'empty', 'md5$rlRyyrLw37WPv2XYgJ7VDJ$4a8448c99b59c42d58bd07ee391e50a6'],
    ['unsalted sha1', 'empty', 'sha1$$da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['bare md5', 'empty', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['unsalted md5', 'empty', 'md5$$d41d8cd98f00b204e9800998ecf8427e'],
    [
      'argon2id',
      'empty',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$Q09EbGdPOG92cHlrT0VmNHQzOGhLTA$OJxa1Brb9mpyoDScWGrGZFYkDIFIzxUYDKBwO1HjRvM',
    ],
    [
      'pbkdf2_sha256',
      'over72Bytes',
      'pbkdf2_sha256$1000$2wtbuoJGD8XOVG80mtwvzp$FnertnqN6+dTrXMV3xT0uaTtUE+kTPSu0YAFskSsPUI=',
    ],
    ['pbkdf2_sha1', 'over72Bytes', 'pbkdf2_sha1$1000$Xc04eg463ZrktIktxAUI9j$nlKNCamr8AuTLoWN3w2EET8BSPs='],
    [
      'scrypt',
      'over72Bytes',
      'scrypt$1024$YE5Kyu4mRfcH3JsH6Q9RsB$8$1$IsXRnvbfrhNcSNORSfolCfLuqC+EnDyXAqNZeQ+buZi+YdqS9QkwelQptYydjrjmtntme/Q3wyAs5gYDb3z/6w==',
    ],
    ['bcrypt_sha256', 'over72Bytes', 'bcrypt_sha256$$2b$04$HgY81v2KQZnawmRsbOfHMusqELwdN0.jG7SnsHLA85QfCRJxqwXxG'],
    ['bcrypt', 'over72Bytes', 'bcrypt$$2b$04$/Zi5BEKBNbNfFys8mxi1pOmid2Mk4QwtaEyXTytJxGvjgLkIkl34W'],
    ['sha1', 'over72Bytes', 'sha1$J7gyFlex9JKSoO3QjRkz0Z$ce3efebc0a4a8dc34e3b4c177f7f8b2f8ac5e01d'],
    ['md5', 'over72Bytes', 'md5$8MGlSDardMsQaB7JIF7OT7$eed96d057b61316d4f6483c9899ce16a'],
    ['unsalted sha1', 'over72Bytes', 'sha1$$e6f26133e521cc9fe2ae2e2839581b278d9eb80c'],
    ['bare md5', 'over72Bytes', 'd6a1966ac90fce6cf95966f900b21030'],
    ['unsalted md5', 'over72Bytes', 'md5$$d6a1966ac90fce6cf95966f900b21030'],
    [
      'argon2id',
      'over72Bytes',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$RklKVE1RNWRPT2xWVlNaZVd3TnppVQ$zaqR+MrldaFFmd5a5Tlxdg+fxw/0QUzRUcxauEniDrg',
    ],
    ['pbkdf2_sha256', 'nul', 'pbkdf2_sha256$1000$LJ2r4XuCvGMXtr0yyGdxrj$6bV0gtpurQBYwv7MRR+Iv1oM0W0GU5QFercOHwYAYxk='],
    ['pbkdf2_sha1', 'nul', 'pbkdf2_sha1$1000$99HYVxpRkOB2PZTvRsg1Eq$g5+ydvrHlLWYqGRNniBnNcFiF24='],
    [
      'scrypt',
      'nul',
      'scrypt$1024$FpwIsonbSgYqhyy2VxIF2E$8$1$yYlRrMkHx/gqCgK9VCw+8/U9aOYAaVYQcjZCKvLQNzK5YQRGfrGF1gsK1IkS/cje9J2nyB9zrr6j1lfvNfbxsg==',
    ],
    ['bcrypt_sha256', 'nul', 'bcrypt_sha256$$2b$04$mvyM0Ue30XD6gFbgZKpXmuPC2esZDO9/8i22WWB7VQ5TmXYEjoucy'],
    ['bcrypt', 'nul', 'bcrypt$$2b$04$X3lxOxqu1f9Y6EHawf6uwOYurXwlNi7ePX56Lrl2uqdA/PnmJN1A.'],
    ['sha1', 'nul', 'sha1$bcB1Yh9yGoV34maKp7399T$026bb859c554c2f92b89f896f25b1dfb5095f708'],
    ['md5', 'nul', 'md5$EpPQcvBA9vL4zctgtZ2s7y$5ce33b95c0a0ebdcbba59b4406303f89'],
    ['unsalted sha1', 'nul', 'sha1$$3ff1a03809989e5a6ffbffe1814ab9881187ac5d'],
    ['bare md5', 'nul', 'e20895e8412f68ebb0b960b49b7bce15'],
    ['unsalted md5', 'nul', 'md5$$e20895e8412f68ebb0b960b49b7bce15'],
    [
      'argon2id',
      'nul',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$YzduSGRBNDJKYVZlZ2prc3RmdlU1WA$HuQ1DvPoG7Qcg1F5T5FtFdlokeZGsgAdSON91Z4RuPA',
    ],
    [
      'pbkdf2_sha256',
      'compatibility',
      'pbkdf2_sha256$1000$zrqvCSPsa4H7MaWNE4l2ln$J+wUgGLmehSbMANG8gqVwC55ymeiKLzijy9nGdoN5rw=',
    ],
    ['pbkdf2_sha1', 'compatibility', 'pbkdf2_sha1$1000$HAWvlOf1FF4fCUH79pZPdb$2NmG3qByLBP/BFvwGFn4DACtymI='],
    [
      'scrypt',
      'compatibility',
      'scrypt$1024$JvdUY2gHqJbhXR5hsqWO21$8$1$dF0N/ScXlOZg/hqb/oWpH/TIH/B0lgqk/6nIRChrUebhcOVx3cLb/6rB842OLwsZlba1FiP8aWrCRw3YcZfD8A==',
    ],
    ['bcrypt_sha256', 'compatibility', 'bcrypt_sha256$$2b$04$i8h2kkpbvjiE1Zb4VSaY3.PUD.NxR142D9zLFGSMPfZVBLF0pC20.'],
    ['bcrypt', 'compatibility', 'bcrypt$$2b$04$N3AkdRXMH6rGlQpVOIN6Pu.F4YLxCTnSWSOk5pw/4DdCCQJ3F4odu'],
    ['sha1', 'compatibility', 'sha1$UG95x9MzPrT11W1LI7OWOK$193c96240b2b21e1d2c5c28bb3555c822894ba9a'],
    ['md5', 'compatibility', 'md5$TTcjLw8sAkWDtyKurKYjgx$89ff2d3567641770aefa7406c52b1d33'],
    ['unsalted sha1', 'compatibility', 'sha1$$4a600b0103ba2147537bdf3642a58e88d092e4e9'],
    ['bare md5', 'compatibility', 'efd22e4f96b06d74bcfbe042a53fea00'],
    ['unsalted md5', 'compatibility', 'md5$$efd22e4f96b06d74bcfbe042a53fea00'],
    [
      'argon2id',
      'compatibility',
      'argon2$argon2id$v=19$m=1024,t=2,p=4$UkpTSTVHZVJ3d0NYSHVwVzJXVld0UQ$3PHjW3rmvQVkkZNi+KxPsoYPI7WE89+WDdlMQMR7Lto',
    ],
    [
      'pbkdf2_sha256 as Django makes it by default',
      'nonAscii',
      'pbkdf2_sha256$600000$z46aeZBb4cJ7kEb84RTUkD$zJrJ36mBKtUI5o4bnXo2ZOdSMtffFyTjwj9v4GOTv0M=',
    ],
    [
      'scrypt as Django makes it by default',
      'nonAscii',
      'scrypt$16384$aJjIzGx4nJoITpiVmmVVic$8$1$QTKfaRKaNYwHqnusv5sGIPPZnMBYy2+NKR5TqtUeT7GP3Do1Z/03/LaryWtlfxWN0nw0y9Id66wK74epR2Gykw==',
    ],
    [
      'argon2 as Django makes it by default',
      'nonAscii',
      'argon2$argon2id$v=19$m=102400,t=2,p=8$YWtGRkxDTG5lM1k5S0FTYVg2UW9Zag$WKTdNOYOpcbxE14Od8CLzVZ0/jMx4HkcFVD4FSTxRC4',
    ],
    [
      'bcrypt_sha256 as Django makes it by default',
      'nonAscii',
      'bcrypt_sha256$$2b$12$4/aPFgK1XoeGcmk5L6D2oOpUhGlW5kbCTKEBxi5Mvsc30huSKtDoe',
    ],
    ['bcrypt $2a$', 'nonAscii', 'bcrypt$$2a$04$llw72SURYTQFFPbJGS/cWuHUw6Kp5aunKZsLBhNTd/AQokfk0WNHW'],
    ['bcrypt $2y$', 'nonAscii', 'bcrypt$$2y$04$llw72SURYTQFFPbJGS/cWuHUw6Kp5aunKZsLBhNTd/AQokfk0WNHW'],
  ],
  'argon2-cffi 25.1.0, checked by Django 4.2.30': [
    ['argon2i', 'ascii', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$mfheSKIFzFNbyYpyaLBUlA'],
    ['argon2i', 'nonAscii', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$tXdLVSC2yk/0Mn52SjmK3g'],
    ['argon2i', 'spaces', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$tcaFGowjWBZs2i91GTnH9g'],
    ['argon2i', 'decomposed', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$ri2SMF+gAkr26pl8ZEjYig'],
    ['argon2i', 'composed', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$CZ5MbvhvxLz8JG9oHQXbag'],
    ['argon2i', 'empty', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$/Sl94R6W00JRCL9tsz4k2g'],
    ['argon2i', 'over72Bytes', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$Tq/QZiw0OUb3cE7uVg+WWg'],
    ['argon2i', 'nul', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$4uMkI8gV23C8qp5vKDvbcQ'],
    ['argon2i', 'compatibility', 'argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFi$sSqUD+xD1LLaa37uCk62eg'],
    [
      'argon2i v=16',
      'nonAscii',
      'argon2$argon2i$v=16$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$llQa1K0NoPm/XPIzxYnU2JhO39R4B21AT1bkhSJPtdA',
    ],
    [
      'argon2i without v',
      'nonAscii',
      'argon2$argon2i$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$llQa1K0NoPm/XPIzxYnU2JhO39R4B21AT1bkhSJPtdA',
    ],
    [
      'argon2id v=16',
      'nonAscii',
      'argon2$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$+bPIifgjm5X6obHFLq9U9rZwA4CW5mB6wS6ePxqZLqw',
    ],
    [
      'argon2id without v',
      'nonAscii',
      'argon2$argon2id$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$+bPIifgjm5X6obHFLq9U9rZwA4CW5mB6wS6ePxqZLqw',
    ],
  ],
  'Python 3.11.7 hashlib': [
    ['pbkdf2_sha256', 'decomposed', 'pbkdf2_sha256$1$s$JIDhEKl99ZkCYuPIznwAIzGAVVrPQqHYjesIhno2UmQ='],
    [
      'pbkdf2_sha256 with a salt that is not ASCII',
      'decomposed',
      'pbkdf2_sha256$7$s\u00e9l \u5869$P7bfde7HEGOfcyRr1ZJsis8rWK7gd0En4ejCXu25u/g=',
    ],
    ['pbkdf2_sha1', 'decomposed', 'pbkdf2_sha1$3$salt$+otEqrkgKVgn9cEKz3WrbbbcPvs='],
    ['md5 with a salt that is not ASCII', 'decomposed', 'md5$s\u00e9l$7d82cfa60e372e944e84d21cdcbffb1c'],
    [
      'scrypt N=2 r=1 p=1',
      'decomposed',
      'scrypt$2$NaCl$1$1$4HoiJit+fqYanGWgi7J8Jb6mDUs4c0ZK5bN/e/SeUXUqhxBzKAeezyrdpoHPh9vezbuTqMeFMNBpltJN2/sE0Q==',
    ],
    [
      'scrypt N=16 r=2 p=3',
      'decomposed',
      'scrypt$16$NaCl$2$3$jGdkOPPUKavLckYVrQ8V5dZGkIcSXjqQWhMpgU5uVN1/FqoFvegICzfZ8fqDGq5oqFKy6KA9R/ybu0g87shjtg==',
    ],
    [
      'scrypt N=1024 r=8 p=16',
      'decomposed',
      'scrypt$1024$NaCl$8$16$BSLogw44sQF6BgatU+Gz4tJX4onwVnMaJTys8kqDVcJQOqMCJsjtmyaK4YMtQOZutq9qWkWK1Ymn44VVJXKgYA==',
    ],
    [
      'scrypt at the bound of 128 MiB',
      'decomposed',
      'scrypt$131072$NaCl$8$1$8Voun0L8OzD0sgSAsPJeYQ474RlzhFNyBWH+UTC3ucgHGA4b8C515sXtiYNCfqEctQC4vkzuyZ1lLqLUVNN4Rw==',
    ],
  ],
};

export const GOLDEN: readonly Golden[] = Object.entries(ROWS).flatMap(([by, rows]) =>
  rows.map(([form, password, encoded]) => ({ by, form, password, encoded })),
);
