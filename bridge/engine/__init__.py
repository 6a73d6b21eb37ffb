"""The engine: one inbox, one loop, dispatch, timers. It knows adapters only by their ports."""
