about = All faults that need no root, at random
covers = P01 P04 N01 N03 N07 D01 D05 D06 T01
seconds = 22
settle = 40
processes
    one = godwit lab-peer work --bind {endpoint} --dir {dir}
        restart = 200ms
        audit = godwit lab-peer audit --dir {dir}
    two = godwit lab-peer work --bind {endpoint} --dir {dir}
        restart = 200ms
        audit = godwit lab-peer audit --dir {dir}
    left = godwit lab-peer push --connect {one} --connect {two} --dir {dir} --messages 8000 --rate 500
        restart = 200ms
    right = godwit lab-peer push --connect {one} --connect {two} --dir {dir} --messages 8000 --rate 500
        restart = 200ms
random
    from = 1
    until = 18
    every = 250ms
    orders
        1 = kill one|two|left|right for 50ms..500ms
        2 = power-cut one|two|left|right
        3 = stop one|two|left|right for 50ms..2s
        4 = cut left-one|left-two|right-one|right-two
        5 = reset left-one|right-two
        6 = hold left-two|right-one for 50ms..1s
        7 = drop left-one|right-two for 100ms..1s
        8 = delay left-one|left-two|right-one|right-two 1ms..100ms for 1s
        9 = fail-writes one|left ENOSPC for 300ms
        10 = fail-syncs two|right EIO for 300ms
        11 = clock one|two|left|right +10y for 1s
