"""What a run tells of itself, while it goes on and afterwards: events, the view of them, where time went."""
