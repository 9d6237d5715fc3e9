"""Fields that are made of other fields."""
