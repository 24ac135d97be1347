// Headers alone so far; each header in `include` says what it is for.
