"""Care for a store: what lies in it, where that came from, what is damaged, what can go."""
