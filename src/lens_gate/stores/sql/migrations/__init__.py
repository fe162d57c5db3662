"""How the tables came to be, one step at a time; a step that was released is never changed."""
