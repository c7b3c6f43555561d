# For docker (BuildKit) and buildah alike. `make image` calls it; by hand: docker build -t backstop .
#
# Two secrets, both optional, carry what a machine needs to reach its package index, and stay out of every layer:
#   pip.conf  index settings        ca.pem  the certificate authorities that pip should trust (named by pip.conf)
#
# The later node agent runs from this same image: one thing to build, scan, sign and load.
ARG BASE=python:3.12-slim

FROM ${BASE} AS dependencies
ENV PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# pip lives in a virtual environment of its own and fills the one that is shipped, so that none is shipped.
RUN python3 -m venv /build/pip && python3 -m venv --without-pip /opt/backstop
COPY requirements-runtime.lock /build/
# The root file system is read-only in the cluster, so byte code must be there beforehand. Not for the 1,400 generated
# models of the Kubernetes client: the operator uses plain dicts, and they would double the size of the image.
RUN --mount=type=secret,id=pip.conf,target=/run/secrets/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    /build/pip/bin/pip --python /opt/backstop/bin/python install --no-compile \
        --require-hashes -r /build/requirements-runtime.lock && \
    /opt/backstop/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x 'kubernetes/(aio/)?client/(models|api)/|/tests?/' /opt/backstop/lib

FROM dependencies AS application
COPY pyproject.toml README.md LICENSE /build/source/
COPY operator /build/source/operator
# Into a tree of its own, so that a change of the source is a small layer over the large one of the dependencies.
RUN --mount=type=secret,id=pip.conf,target=/run/secrets/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    /build/pip/bin/pip --python /opt/backstop/bin/python install --no-compile --no-deps --prefix /build/application \
        /build/source && \
    /opt/backstop/bin/python -m compileall -q -s /build/application -p /opt/backstop \
        --invalidation-mode unchecked-hash /build/application/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="backstop" \
      org.opencontainers.image.description="A Kubernetes operator that enforces service level objectives" \
      org.opencontainers.image.licenses="Apache-2.0"
# One BLAS thread: the ledger adds columns and multiplies no matrices, and each idle thread would reserve memory.
ENV PATH=/opt/backstop/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1
COPY --from=dependencies /opt/backstop /opt/backstop
COPY --from=application /build/application /opt/backstop
# A number, not a name: `runAsNonRoot` can only be checked by the kubelet for a numeric user.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["backstop"]
CMD ["run"]
