"""What counts of follows, likes, shares and comments, and how many it takes to group people by them."""

# What a deed says of a person's interest: to follow is to ask for more, a like costs a tap.
WEIGHTS = {"followed": 3.0, "commented": 2.0, "shared": 2.0, "liked": 1.0}
LEAST_DEEDS = 3  # of a person; below it a group would follow from one tap
PEOPLE_A_GROUP = 10
LEAST_PEOPLE = 2 * PEOPLE_A_GROUP
