"""What executes diagrams. Knows SpiffWorkflow; knows no case, no table and no clock but `engine.clock`."""
