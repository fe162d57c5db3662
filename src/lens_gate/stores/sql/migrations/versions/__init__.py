"""The steps, in the order of their revisions; `schema.REVISIONS` names them."""
