"""Operations, refs, revisions, log and diff: how stages evolved."""
