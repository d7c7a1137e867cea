import { view } from '../platform/database/index.ts';

// What statements of other rooms may read of the tables of this one.

export const grantView = view('tokens_grant', 'client_id', 'principal_id', 'session_id');
