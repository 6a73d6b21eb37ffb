"""The rules of tickets: pure, without a clock; times come as arguments. They decide, and change nothing."""
