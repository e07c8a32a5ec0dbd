"""What goes to the model: pure functions of the branch, its checkpoints and the budget."""
