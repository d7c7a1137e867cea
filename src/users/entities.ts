import { defineEntity, p } from '@mikro-orm/core';
import { Principal } from '../permissions/index.ts';

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users_user',
  uniques: [{ name: 'users_user_verified_email', properties: ['emailKey'], where: 'email_verified_at is not null' }],
  indexes: [{ properties: ['emailKey'] }, { properties: ['dateJoined', 'id'] }],
  properties: {
    id: () => p.oneToOne(Principal).primary().mapToPk().joinColumn('id').deleteRule('cascade'),
    username: p.string().columnType('text'),
    usernameKey: p.string().columnType('text').unique(),
    email: p.string().columnType('text').default(''),
    /** Case-folded; null if there is no address. */
    emailKey: p.string().columnType('text').nullable(),
    emailVerifiedAt: p.datetime().columnType('timestamptz').nullable(),
    firstName: p.string().columnType('text').default(''),
    lastName: p.string().columnType('text').default(''),
    password: p.string().columnType('text').hidden(),
    /** Grows with every change of the password, which ends sessions of older epochs. A hash upgrade does not change it. */
    passwordEpoch: p.integer().default(1),
    isActive: p.boolean().default(true),
    isStaff: p.boolean().default(false),
    isSuperuser: p.boolean().default(false),
    dateJoined: p.datetime().columnType('timestamptz'),
    lastLogin: p.datetime().columnType('timestamptz').nullable(),
    /** Set when the user is deleted: the row stays for its id, which is never reused; personal data is erased. */
    deletedAt: p.datetime().columnType('timestamptz').nullable(),
    attributes: p
      .json()
      .$type<Record<string, unknown>>()
      .onCreate(() => ({})),
  },
});
/** A person who can log in. */
export class User extends UserSchema.class {}
UserSchema.setClass(User);
