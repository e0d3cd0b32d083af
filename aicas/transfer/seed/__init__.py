"""The cache folder of the AI Orchestrator: JSON files in fixed places, current versions only.

``layout`` says where each key lies, ``documents`` what its file holds, ``entries`` what the index
says about it; ``writing`` and ``reading`` go there and come back.
"""
