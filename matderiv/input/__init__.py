"""What people type, read into expressions."""
