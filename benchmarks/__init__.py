"""What a prediction costs here, side by side with what people use today: `make bench`."""
