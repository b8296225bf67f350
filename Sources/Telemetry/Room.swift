// placeholder to be replaced by the room's owner
