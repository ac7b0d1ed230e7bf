"""Results of a protocol and the leaderboard made of them."""
