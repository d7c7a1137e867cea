import { view } from '../platform/database/index.ts';

// What statements of other rooms may read of sessions.

export const sessionView = view('sessions_session', 'id', 'user_id');
