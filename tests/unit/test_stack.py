def test_the_stack_registers(run_stack):
    stack = run_stack()
    for r in stack.recorder.registered: print(r.type, r.name)
    import json
    print(json.dumps(stack.app("apps-web"), indent=1, default=str))
    print(json.dumps(stack.app("apps-worker"), indent=1, default=str)[-1500:])
    print(stack.outputs)
    assert 0
