"""What happened and who did it: events and audit rows, in the commit of the change."""
