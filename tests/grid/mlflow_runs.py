"""What a store of MLflow's holds."""

from mlflow.tracking import MlflowClient


def logged(uri, experiment):
    """Every run's kind and state, and every point of every metric."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id])
    points = [
        (run.data.tags["id"], name, point.step)
        for run in runs
        for name in run.data.metrics
        for point in client.get_metric_history(run.info.run_id, name)
    ]
    return sorted((run.data.tags["kind"], run.info.status) for run in runs), sorted(points)
